//! base64url of whole mails, decoded inside the buffer it arrived in: a mail of 35 MB takes 47 MB, not 130.

use std::ops::Range;

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// URL-safe, padded or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Characters decoded at a time; a multiple of four.
const STEP: usize = 4096;

/// The text was not base64url.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotBase64;

/// Decodes a text into new bytes.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, NotBase64> {
    BASE64.decode(text).map_err(|_bad| NotBase64)
}

/// Decodes the base64url that stands in `range` of the buffer; the buffer then holds the decoded bytes alone.
pub(super) fn decode_in_place(mut buffer: Vec<u8>, range: Range<usize>) -> Result<Vec<u8>, NotBase64> {
    let mut from = [0_u8; STEP];
    let mut to = [0_u8; STEP];
    let mut read = range.start;
    let mut written = 0;
    while read < range.end {
        let length = STEP.min(range.end - read);
        let source = buffer.get(read..read + length).ok_or(NotBase64)?;
        let from = from.get_mut(..length).ok_or(NotBase64)?;
        from.copy_from_slice(source);
        let decoded = BASE64.decode_slice(&*from, &mut to).map_err(|_bad| NotBase64)?;
        // Three bytes out for four in: writing never overtakes reading.
        let target = buffer.get_mut(written..written + decoded).ok_or(NotBase64)?;
        target.copy_from_slice(to.get(..decoded).ok_or(NotBase64)?);
        read += length;
        written += decoded;
    }
    buffer.truncate(written);
    buffer.shrink_to_fit();
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_URL_SAFE, BASE64_URL_SAFE_NO_PAD};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn in_place_equals_the_plain_way(
            bytes in proptest::collection::vec(any::<u8>(), 0..20_000),
            before in 0_usize..50,
            padded in any::<bool>(),
        ) {
            let text = if padded { BASE64_URL_SAFE.encode(&bytes) } else { BASE64_URL_SAFE_NO_PAD.encode(&bytes) };
            let buffer = [vec![b'{'; before], text.clone().into_bytes(), b"\"}".to_vec()].concat();
            let range = before..before + text.len();
            prop_assert_eq!(decode_in_place(buffer, range).unwrap(), bytes.clone());
            prop_assert_eq!(decode(&text).unwrap(), bytes);
        }
    }

    #[test]
    fn refuses_other_characters() {
        assert_eq!(decode_in_place(b"ab+/".to_vec(), 0..4), Err(NotBase64));
        assert_eq!(decode_in_place(b"abcd".to_vec(), 0..9), Err(NotBase64));
        assert_eq!(decode("a b"), Err(NotBase64));
    }
}
