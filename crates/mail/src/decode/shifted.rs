//! Charsets that shift between 7-bit sets and that browsers no longer decode, but old mail is written in.

use encoding_rs::{EUC_KR, GBK};

/// UTF-7 (RFC 2152).
pub(crate) fn utf7(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'+' {
            text.push(if first.is_ascii() { char::from(*first) } else { char::REPLACEMENT_CHARACTER });
            continue;
        }
        let end = after.iter().position(|byte| !super::base64::is_digit(*byte)).unwrap_or(after.len());
        let (digits, more) = after.split_at_checked(end).unwrap_or((after, &[]));
        rest = more.strip_prefix(b"-").unwrap_or(more);
        if digits.is_empty() {
            text.push('+');
            continue;
        }
        let units = super::base64::decode(digits).bytes;
        let units = units.chunks_exact(2).map(|pair| pair.iter().fold(0, |unit, byte| unit << 8 | u16::from(*byte)));
        // What gives no text was none: mail that only says it is in UTF-7 has its own plus signs.
        match char::decode_utf16(units).collect::<Result<String, _>>() {
            Ok(decoded) if !decoded.is_empty() => text.push_str(&decoded),
            _ => {
                text.push('+');
                rest = after;
            }
        }
    }
    text
}

/// HZ (RFC 1843): GB 2312 between `~{` and `~}`.
pub(crate) fn hz(bytes: &[u8]) -> String {
    let mut eight_bit = Vec::with_capacity(bytes.len());
    let (mut shifted, mut rest) = (false, bytes);
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after.first()) {
            (b'~', Some(b'{')) => shifted = true,
            (b'~', Some(b'}')) => shifted = false,
            (b'~', Some(b'~')) if !shifted => eight_bit.push(b'~'),
            (b'~', Some(b'\n')) => {}
            (byte, _) => {
                shifted &= *byte != b'\n';
                eight_bit.push(if shifted { byte | 0x80 } else { *byte });
                continue;
            }
        }
        rest = after.get(1..).unwrap_or_default();
    }
    GBK.decode_without_bom_handling(&eight_bit).0.into_owned()
}

/// ISO-2022-KR (RFC 1557) and ISO-2022-CN (RFC 1922): a double-byte set between shift out and shift in.
pub(crate) fn shift_out(bytes: &[u8], chinese: bool) -> String {
    let mut eight_bit = Vec::with_capacity(bytes.len());
    let (mut shifted, mut rest) = (false, bytes);
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            0x0E => shifted = true,
            0x0F => shifted = false,
            // The announcement `ESC $ ) C`.
            0x1B if after.starts_with(b"$") => rest = after.get(3..).unwrap_or_default(),
            byte => eight_bit.push(if shifted && byte.is_ascii_graphic() { byte | 0x80 } else { *byte }),
        }
    }
    let charset = if chinese { GBK } else { EUC_KR };
    charset.decode_without_bom_handling(&eight_bit).0.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_charsets_are_still_read() {
        assert_eq!(utf7(b"Hi +AOk-, 1 +- 1, +2D3eAA-"), "Hi é, 1 + 1, 😀");
        assert_eq!(utf7(b"1+1=2, +2D0-"), "1+1=2, +2D0-");
        assert_eq!(hz(b"a ~{VPND~} b ~~ c"), "a 中文 b ~ c");
        assert_eq!(shift_out(b"\x1b$)C\x0e0!\x0f a", false), "가 a");
        assert_eq!(shift_out(b"\x1b$)A\x0eVPND\x0f a", true), "中文 a");
    }
}
