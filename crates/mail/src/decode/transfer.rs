//! Content-Transfer-Encoding.

use std::borrow::Cow;

use super::{base64, quoted_printable, uuencode};

/// How a part's bytes were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Encoding {
    /// 7bit, 8bit, binary, and what nobody knows: as it is.
    #[default]
    Identity,
    Base64,
    QuotedPrintable,
    Uuencode,
}

impl Encoding {
    /// From the header's value, comments already gone.
    pub(crate) fn read(value: &str) -> Self {
        let word = value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ';' | '<' | '>'));
        match word.to_ascii_lowercase().as_str() {
            "base64" | "base-64" | "b" => Self::Base64,
            "quoted-printable" | "quoted_printable" | "quotedprintable" | "quoted" | "qp" => Self::QuotedPrintable,
            "x-uuencode" | "uuencode" | "x-uue" | "uue" => Self::Uuencode,
            _ => Self::Identity,
        }
    }
}

/// Decoded bytes.
pub(crate) struct Decoded<'a> {
    pub(crate) bytes: Cow<'a, [u8]>,
    /// Text behind the encoded data, such as a mailing list's footer.
    pub(crate) footer: &'a [u8],
    /// Whether the encoding was broken; the bytes are what could be saved.
    pub(crate) broken: bool,
}

/// Decodes; whatever cannot be decoded is passed over, and what is in no encoding at all stays as it is.
pub(crate) fn decode(data: &[u8], encoding: Encoding) -> Decoded<'_> {
    let as_it_is = |broken| Decoded { bytes: Cow::Borrowed(data), footer: &[], broken };
    match encoding {
        Encoding::Identity => as_it_is(false),
        Encoding::Base64 => {
            let decoded = base64::decode(data);
            let footer = decoded.rest.trim_ascii();
            if decoded.bytes.is_empty() && !footer.is_empty() {
                return as_it_is(true);
            }
            Decoded { bytes: Cow::Owned(decoded.bytes), footer, broken: decoded.stray }
        }
        Encoding::QuotedPrintable => {
            let decoded = quoted_printable::decode(data);
            Decoded { bytes: Cow::Owned(decoded.bytes), footer: &[], broken: decoded.stray }
        }
        Encoding::Uuencode => match uuencode::decode(data) {
            Some(bytes) => Decoded { bytes: Cow::Owned(bytes), footer: &[], broken: false },
            None => as_it_is(true),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encodings_names_are_read_as_they_are_written() {
        for (value, expected) in [
            ("BASE64", Encoding::Base64),
            (" base64; ", Encoding::Base64),
            ("\"quoted-printable\"", Encoding::QuotedPrintable),
            ("x-uue", Encoding::Uuencode),
            ("8bit", Encoding::Identity),
            ("x-unknown", Encoding::Identity),
            ("", Encoding::Identity),
        ] {
            assert_eq!(Encoding::read(value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_in_no_encoding_stays_as_it_is() {
        let decoded = decode(b"Plain words, not base64.", Encoding::Base64);
        assert!(decoded.broken);
        assert_eq!(decoded.bytes.as_ref(), b"Plain words, not base64.");
        assert_eq!(decode(b"no block", Encoding::Uuencode).bytes.as_ref(), b"no block");
    }
}
