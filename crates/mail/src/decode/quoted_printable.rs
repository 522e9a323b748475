//! Quoted-printable (RFC 2045 §6.7). A `=` that encodes nothing is itself: the words around it matter more than the rule.

use memchr::memchr;

/// What was decoded.
pub(crate) struct Decoded {
    pub(crate) bytes: Vec<u8>,
    /// Whether there was a `=` that encoded nothing.
    pub(crate) stray: bool,
}

/// Decodes line by line; white space at the ends of lines was added on the way.
pub(crate) fn decode(data: &[u8]) -> Decoded {
    let mut out = Decoded { bytes: Vec::with_capacity(data.len()), stray: false };
    let mut at = 0;
    while at < data.len() {
        let end = crate::header::block::line_end(data, at);
        let whole = data.get(at..end).unwrap_or_default();
        at = end;
        let feed = if whole.ends_with(b"\r\n") { 2 } else { usize::from(whole.ends_with(b"\n")) };
        let (text, feed) = whole.split_at_checked(whole.len() - feed).unwrap_or((whole, &[]));
        let kept = text.iter().rposition(|byte| !matches!(byte, b' ' | b'\t')).map_or(0, |at| at + 1);
        let text = text.get(..kept).unwrap_or_default();
        match text.strip_suffix(b"=") {
            // `==` at the end: the first of them is a `=` that somebody forgot to encode.
            Some(text) => line(text, &mut out),
            None => {
                line(text, &mut out);
                out.bytes.extend_from_slice(feed);
            }
        }
    }
    out
}

fn line(text: &[u8], out: &mut Decoded) {
    let mut rest = text;
    while let Some(at) = memchr(b'=', rest) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, &[]));
        out.bytes.extend_from_slice(before);
        if let Some(byte) = after.get(1..3).and_then(super::hex) {
            out.bytes.push(byte);
            rest = after.get(3..).unwrap_or_default();
        } else {
            out.stray = true;
            out.bytes.push(b'=');
            rest = after.get(1..).unwrap_or_default();
        }
    }
    out.bytes.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_equals_sign_is_itself() {
        for (data, expected, stray) in [
            ("caf=C3=A9", "café", false),
            ("caf=c3=a9", "café", false),
            ("a == b", "a == b", true),
            ("a=3D=3Db", "a==b", false),
            ("a=\r\nb", "ab", false),
            ("a= \t\r\nb", "ab", false),
            ("a=\nb", "ab", false),
            ("a  \r\nb\t", "a\r\nb", false),
            ("a=20\r\nb", "a \r\nb", false),
            ("if a ==\r\nb", "if a =b", true),
            ("=G1 =1", "=G1 =1", true),
            ("x=", "x", false),
            ("=", "", false),
            ("", "", false),
        ] {
            let decoded = decode(data.as_bytes());
            assert_eq!(String::from_utf8_lossy(&decoded.bytes), expected, "{data:?}");
            assert_eq!(decoded.stray, stray, "{data:?}");
        }
    }
}
