//! From the bytes of a part to its content: transfer encodings, then charsets.

pub(crate) mod base64;
pub(crate) mod charset;
pub(crate) mod quoted_printable;
pub(crate) mod shifted;
pub(crate) mod transfer;
pub(crate) mod uuencode;

/// Two hexadecimal digits.
pub(crate) fn hex(pair: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    }
}
