//! Charsets: by mark, by label, by what the HTML says, else by what the bytes look like.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{
    BIG5, EUC_KR, Encoding, GB18030, GBK, ISO_2022_JP, ISO_8859_8_I, SHIFT_JIS, UTF_8, UTF_16BE, UTF_16LE,
};

use super::shifted;

/// What is decoded with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Charset {
    Known(&'static Encoding),
    Utf7,
    Hz,
    Iso2022Kr,
    Iso2022Cn,
    /// Says 7 bits; where it holds eight, it lies.
    Ascii,
}

/// Bytes that are looked at to guess a charset: a guess costs a hundred times what decoding does.
const SAMPLE: usize = 4 * 1024;

/// Names that mailers write and browsers do not know.
const ALIASES: [(&str, &Encoding); 22] = [
    ("cp949", EUC_KR),
    ("ms949", EUC_KR),
    ("uhc", EUC_KR),
    ("x-windows-949", EUC_KR),
    ("ks_c_5601", EUC_KR),
    ("ksc5601-1987", EUC_KR),
    ("cp932", SHIFT_JIS),
    ("cp943", SHIFT_JIS),
    ("mskanji", SHIFT_JIS),
    ("x-ms-cp932", SHIFT_JIS),
    ("windows-932", SHIFT_JIS),
    ("iso-2022-jp-1", ISO_2022_JP),
    ("iso-2022-jp-2", ISO_2022_JP),
    ("iso-2022-jp-ms", ISO_2022_JP),
    ("cp50220", ISO_2022_JP),
    ("cp936", GBK),
    ("ms936", GBK),
    ("windows-936", GBK),
    ("cp54936", GB18030),
    ("cp950", BIG5),
    ("windows-950", BIG5),
    ("iso-8859-8-e", ISO_8859_8_I),
];

/// The charset of a label; None for a label nobody knows.
fn by_label(label: &str) -> Option<Charset> {
    let label = label.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '<' | '>'));
    let label = label.to_ascii_lowercase();
    match label.as_str() {
        "utf-7" | "utf7" | "unicode-1-1-utf-7" | "x-unicode-1-1-utf-7" => return Some(Charset::Utf7),
        "hz-gb-2312" | "hz" => return Some(Charset::Hz),
        "iso-2022-kr" | "csiso2022kr" => return Some(Charset::Iso2022Kr),
        "iso-2022-cn" | "iso-2022-cn-ext" => return Some(Charset::Iso2022Cn),
        "us-ascii" | "ascii" | "ansi_x3.4-1968" | "iso646-us" | "7bit" => return Some(Charset::Ascii),
        "utf-8-mac" | "utf8mb4" | "utf-8n" | "cp65001" | "utf_8" => return Some(Charset::Known(UTF_8)),
        _ => {}
    }
    let known = Encoding::for_label_no_replacement(label.as_bytes());
    let known = known.or_else(|| ALIASES.iter().find(|(alias, _)| *alias == label).map(|(_, known)| *known));
    // `windows1252`, `cp-1252`, `iso_8859_15`, `latin-1` and the like: by their digits.
    known.or_else(|| by_digits(&label)).map(Charset::Known)
}

fn by_digits(label: &str) -> Option<&'static Encoding> {
    let digits: String = label.chars().filter(char::is_ascii_digit).collect();
    let name = if label.starts_with("win") || label.starts_with("cp") || label.starts_with("ibm") {
        format!("windows-{digits}")
    } else if label.starts_with("iso") && digits.starts_with("8859") {
        format!("iso-8859-{}", digits.get(4..)?)
    } else if label.starts_with("koi8") {
        "koi8-r".to_owned()
    } else if label.starts_with("latin") {
        format!("latin{digits}")
    } else {
        return None;
    };
    Encoding::for_label_no_replacement(name.as_bytes())
}

/// The text of a part.
pub(crate) fn text(bytes: &[u8], label: Option<&str>, html: bool) -> String {
    if let Some((marked, length)) = Encoding::for_bom(bytes) {
        return marked.decode_without_bom_handling(bytes.get(length..).unwrap_or_default()).0.into_owned();
    }
    let named = label.and_then(by_label).filter(|charset| *charset != Charset::Ascii);
    let meta = if html { in_meta(bytes) } else { None };
    // Bytes that are UTF-8 and say so themselves are, whatever a gateway wrote above them.
    let itself = meta.filter(|meta| *meta == Charset::Known(UTF_8) && plain(bytes).is_some());
    match itself.or(named).or(meta) {
        Some(charset) => decode(bytes, charset),
        None => detected(bytes),
    }
}

/// Bytes of a header that name their charset.
pub(crate) fn labelled(bytes: &[u8], label: &str) -> String {
    match by_label(label) {
        Some(charset) => decode(bytes, charset),
        None => detected(bytes),
    }
}

/// Raw bytes of a header: UTF-8, else in the charset the mail is written in, else detected.
pub(crate) fn unlabelled(bytes: &[u8], fallback: Option<&str>) -> String {
    if let Some(text) = plain(bytes) {
        return text;
    }
    match fallback.and_then(by_label) {
        Some(charset) if charset != Charset::Known(UTF_8) => decode(bytes, charset),
        _ => detected(bytes),
    }
}

/// By a label, unless what the bytes hold shows that it cannot be true.
fn decode(bytes: &[u8], charset: Charset) -> String {
    let (text, possible) = match charset {
        Charset::Ascii => return detected(bytes),
        Charset::Known(known) => {
            let wide = known == UTF_16LE || known == UTF_16BE;
            let (text, failed) = known.decode_without_bom_handling(bytes);
            let impossible = failed || wide && !bytes.contains(&0) || known.is_single_byte() && has_controls(&text);
            (text, !impossible)
        }
        Charset::Utf7 => (Cow::Owned(shifted::utf7(bytes)), bytes.is_ascii()),
        Charset::Hz => (Cow::Owned(shifted::hz(bytes)), bytes.is_ascii()),
        Charset::Iso2022Kr => (Cow::Owned(shifted::shift_out(bytes, false)), bytes.is_ascii()),
        Charset::Iso2022Cn => (Cow::Owned(shifted::shift_out(bytes, true)), bytes.is_ascii()),
    };
    let other = if possible { None } else { instead(bytes, charset) };
    other.unwrap_or_else(|| text.into_owned())
}

/// Characters between ASCII and Latin 1, which no text has: bytes that mean nothing in their charset become them.
fn has_controls(text: &str) -> bool {
    memchr::memchr_iter(0xC2, text.as_bytes())
        .any(|at| text.as_bytes().get(at + 1).is_some_and(|byte| (0x80..0xA0).contains(byte)))
}

/// Another reading of bytes that do not fit their label: UTF-8 where they are, else detected where the label says a
/// charset that has nothing of them. None where the label is the best guess there is.
fn instead(bytes: &[u8], charset: Charset) -> Option<String> {
    plain(bytes).or_else(|| {
        let nothing_of_it = match charset {
            Charset::Known(known) if known == UTF_8 => is_no_utf8(bytes),
            Charset::Known(known) if known == ISO_2022_JP => !bytes.contains(&0x1B),
            Charset::Utf7 => true,
            _ => false,
        };
        nothing_of_it.then(|| detected(bytes))
    })
}

/// Whether bytes that are said to be UTF-8 hold no character of it beyond ASCII, but foreign ones within words. A character
/// that is cut at the end, or a single wrong byte between words, is damage and tells nothing.
fn is_no_utf8(bytes: &[u8]) -> bool {
    let word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let (mut before, mut foreign, mut at) = (None, false, 0);
    for chunk in bytes.utf8_chunks() {
        if !chunk.valid().is_ascii() {
            return false;
        }
        before = chunk.valid().as_bytes().last().or(before);
        at += chunk.valid().len() + chunk.invalid().len();
        let after = bytes.get(at);
        foreign |= !chunk.invalid().is_empty() && after.is_some() && (word(before) || word(after));
    }
    foreign
}

/// UTF-8 without the escapes of ISO-2022.
fn plain(bytes: &[u8]) -> Option<String> {
    let escaped = bytes.is_ascii() && bytes.windows(2).any(|pair| matches!(pair, b"\x1b$" | b"\x1b("));
    (!escaped).then(|| std::str::from_utf8(bytes).ok().map(str::to_owned)).flatten()
}

fn detected(bytes: &[u8]) -> String {
    if let Some(text) = plain(bytes) {
        return text;
    }
    let from = bytes.iter().position(|byte| *byte >= 0x80 || *byte == 0x1B).unwrap_or(0);
    let rest = bytes.get(from..).unwrap_or_default();
    let sample = rest.get(..SAMPLE).unwrap_or(rest);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(sample, sample.len() == rest.len());
    detector.guess(None, Utf8Detection::Allow).decode_without_bom_handling(bytes).0.into_owned()
}

/// What `<meta charset>` in the first kilobyte says, as browsers look for it.
fn in_meta(bytes: &[u8]) -> Option<Charset> {
    let head = bytes.get(..bytes.len().min(1024))?.to_ascii_lowercase();
    let metas = memchr::memmem::find_iter(&head, b"<meta").filter_map(|at| head.get(at..));
    for meta in metas {
        let meta = meta.split(|byte| *byte == b'>').next().unwrap_or_default();
        let Some(at) = memchr::memmem::find(meta, b"charset") else { continue };
        let Some(value) = meta.get(at + 7..).map(<[u8]>::trim_ascii_start).and_then(|rest| rest.strip_prefix(b"="))
        else {
            continue;
        };
        let value = value.trim_ascii_start();
        let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
        let end = |byte: &u8| matches!(byte, b'"' | b'\'' | b';' | b'>' | b'/') || byte.is_ascii_whitespace();
        let name = value.split(end).next().unwrap_or_default();
        // HTML that can be read as bytes is not in UTF-16, whatever it says.
        let charset = by_label(&String::from_utf8_lossy(name));
        return charset.filter(|charset| !matches!(charset, Charset::Known(known) if !known.is_ascii_compatible()));
    }
    None
}

#[cfg(test)]
#[path = "charset_tests.rs"]
mod tests;
