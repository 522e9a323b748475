//! Charsets: by mark, by label, by what the HTML says, else by what the bytes look like.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, EUC_KR, Encoding, GB18030, GBK, ISO_2022_JP, ISO_8859_8_I, SHIFT_JIS, UTF_8};

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
    match named.or_else(|| html.then(|| in_meta(bytes)).flatten()) {
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

fn decode(bytes: &[u8], charset: Charset) -> String {
    match charset {
        Charset::Known(known) => known.decode_without_bom_handling(bytes).0.into_owned(),
        Charset::Utf7 => shifted::utf7(bytes),
        Charset::Hz => shifted::hz(bytes),
        Charset::Iso2022Kr => shifted::shift_out(bytes, false),
        Charset::Iso2022Cn => shifted::shift_out(bytes, true),
        Charset::Ascii => detected(bytes),
    }
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
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(bytes, true);
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
