//! Writing MIME by hand: a mail builder would repair exactly what these mails are meant to get wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::dice::Dice;

/// Appends text.
pub(super) fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends a header; control characters of the value become spaces.
pub(super) fn header(out: &mut Vec<u8>, name: &str, value: &str) {
    put(out, name);
    put(out, ": ");
    out.extend(encoded(value).bytes());
    put(out, "\r\n");
}

/// A header value: as it is when ASCII, else RFC 2047 words of at most 42 bytes that end between characters.
pub(super) fn encoded(value: &str) -> String {
    let clean: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if clean.is_ascii() {
        return clean;
    }
    let mut words = Vec::new();
    let mut chunk = String::new();
    for c in clean.chars() {
        if chunk.len() + c.len_utf8() > 42 {
            words.push(std::mem::take(&mut chunk));
        }
        chunk.push(c);
    }
    words.push(chunk);
    let words: Vec<String> = words.iter().map(|word| format!("=?UTF-8?B?{}?=", STANDARD.encode(word))).collect();
    words.join("\r\n ")
}

/// A display name and address as a header value.
pub(super) fn mailbox(name: &str, address: &str) -> String {
    let special = |c: char| !(c.is_alphanumeric() || c == ' ');
    if name.is_ascii() && name.contains(special) {
        format!("\"{}\" <{address}>", name.replace(['"', '\\'], "'"))
    } else {
        format!("{} <{address}>", encoded(name))
    }
}

/// A sender or recipient as the caller wrote it: `Name <address>` with the name encoded where it must be.
pub(super) fn given(value: &str) -> String {
    match value.rsplit_once('<') {
        Some((name, address)) if !name.trim().is_empty() => {
            mailbox(name.trim(), &encoded(address.trim_end_matches('>')))
        }
        _ => encoded(value),
    }
}

/// Appends a text part: its headers, an empty line, and the text as quoted-printable with CRLF.
pub(super) fn text(out: &mut Vec<u8>, mime: &str, charset: &str, text: &[u8]) {
    put(
        out,
        &format!("Content-Type: {mime}; charset={charset}\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"),
    );
    quoted_printable(out, text);
}

fn quoted_printable(out: &mut Vec<u8>, text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |n: u8| HEX.get(usize::from(n)).copied().unwrap_or(b'0');
    let mut column = 0;
    for byte in text.iter().copied() {
        if byte == b'\n' {
            out.extend_from_slice(b"\r\n");
            column = 0;
            continue;
        }
        if column > 72 {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if (byte.is_ascii_graphic() && byte != b'=') || byte == b' ' {
            out.push(byte);
            column += 1;
        } else {
            out.extend_from_slice(&[b'=', digit(byte >> 4), digit(byte & 15)]);
            column += 3;
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends lines of base64 that decode to about `bytes` random bytes.
pub(super) fn noise(out: &mut Vec<u8>, dice: &mut Dice, bytes: u64) {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let lines = bytes.div_ceil(57);
    out.reserve(usize::try_from(lines * 78).unwrap_or(0));
    for _ in 0..lines {
        for _ in 0..8 {
            let mut bits = dice.bits();
            // Nine characters from each 64 bits, eight times: 72, and four more end the line at 76.
            for _ in 0..9 {
                out.extend(ALPHABET.get(usize::try_from(bits & 63).unwrap_or(0)));
                bits >>= 6;
            }
        }
        out.extend_from_slice(b"AAAA\r\n");
    }
}

/// Appends a base64 part with a file name, or with a content id and none.
pub(super) fn file(out: &mut Vec<u8>, mime: &str, disposition: &str, dice: &mut Dice, bytes: u64) {
    put(out, &format!("Content-Type: {mime}\r\n{disposition}\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
    noise(out, dice, bytes);
}

/// HTML of a text: paragraphs, escaped.
pub(super) fn html(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8 + 64);
    html.push_str("<html><body>");
    for paragraph in text.split("\n\n") {
        html.push_str("<p>");
        for c in paragraph.chars() {
            match c {
                '<' => html.push_str("&lt;"),
                '>' => html.push_str("&gt;"),
                '&' => html.push_str("&amp;"),
                c => html.push(c),
            }
        }
        html.push_str("</p>\n");
    }
    html.push_str("</body></html>\n");
    html
}
