//! Encoded words that were cut inside a character.
//!
//! RFC 2047 §5 forbids it, mailers do it: `=?UTF-8?B?4pyTIOI=?= =?UTF-8?B?nJM=?=`. The parser decodes each word for
//! itself, so neighbours of the same charset and encoding are joined before it sees them.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The header block with neighbouring words joined; None if there are none.
pub(super) fn join(block: &[u8]) -> Option<Vec<u8>> {
    let mut joined = Vec::new();
    let (mut rest, mut copied) = (block, block);
    while let Some(at) = rest.windows(2).position(|pair| pair == b"=?") {
        let here = rest.get(at..)?;
        let Some(first) = Word::read(here) else {
            rest = here.get(2..)?;
            continue;
        };
        let mut content = first.content();
        let mut after = here.get(first.length..)?;
        let mut words = 1;
        while let Some(next) = Word::read(after.trim_ascii_start()).filter(|next| folded(after) && next.like(&first)) {
            let (Some(content), Some(more)) = (content.as_mut(), next.content()) else { break };
            content.extend(more);
            after = after.trim_ascii_start().get(next.length..)?;
            words += 1;
        }
        if let Some(content) = content.filter(|_| words > 1) {
            joined.extend_from_slice(copied.get(..copied.len() - here.len())?);
            joined.extend(first.write(&content));
            copied = after;
        }
        rest = after;
    }
    (copied.len() < block.len()).then(|| {
        joined.extend_from_slice(copied);
        joined
    })
}

/// Whether the white space before the next word stays within the header: a line feed must be followed by more of it.
fn folded(after: &[u8]) -> bool {
    let space = after.len() - after.trim_ascii_start().len();
    let space = after.get(..space).unwrap_or_default();
    !space.is_empty()
        && space.split(|byte| *byte == b'\n').skip(1).all(|line| line.starts_with(b" ") || line.starts_with(b"\t"))
}

/// `=?charset?encoding?text?=`
struct Word<'a> {
    charset: &'a [u8],
    encoding: u8,
    text: &'a [u8],
    /// Of the whole word, in bytes.
    length: usize,
}

impl<'a> Word<'a> {
    /// The word that begins here.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let inner = bytes.strip_prefix(b"=?")?;
        let mut fields = inner.splitn(4, |byte| *byte == b'?');
        let (charset, encoding, text, end) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        let plain = |field: &[u8]| field.iter().all(u8::is_ascii_graphic);
        let encoding = match encoding {
            b"B" | b"b" => b'B',
            b"Q" | b"q" => b'Q',
            _ => return None,
        };
        let length = charset.len() + text.len() + 7;
        (!charset.is_empty() && charset.len() <= 64 && plain(charset) && plain(text) && end.starts_with(b"="))
            .then_some(Self { charset, encoding, text, length })
    }

    fn like(&self, other: &Self) -> bool {
        self.encoding == other.encoding && self.charset.eq_ignore_ascii_case(other.charset)
    }

    /// What is put together: bytes for base64, the text itself for Q.
    fn content(&self) -> Option<Vec<u8>> {
        if self.encoding == b'B' { BASE64.decode(self.text).ok() } else { Some(self.text.to_vec()) }
    }

    fn write(&self, content: &[u8]) -> Vec<u8> {
        let text = if self.encoding == b'B' { BASE64.encode(content).into_bytes() } else { content.to_vec() };
        [b"=?", self.charset, b"?", &[self.encoding], b"?", &text, b"?="].concat()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(text: &str) -> Option<String> {
        join(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn joins_neighbours_of_one_kind() {
        let split = "Subject: a =?UTF-8?B?4pyTIOI=?=\r\n =?utf-8?b?nJM=?= z\r\nTo: b\r\n";
        assert_eq!(joined(split).as_deref(), Some("Subject: a =?UTF-8?B?4pyTIOKckw==?= z\r\nTo: b\r\n"));
        let three = "=?utf-8?Q?a=C3?= =?utf-8?Q?=A4_b?=\t=?utf-8?Q?c?=";
        assert_eq!(joined(three).as_deref(), Some("=?utf-8?Q?a=C3=A4_bc?="));
    }

    #[test]
    fn leaves_the_rest_alone() {
        for text in [
            "",
            "Subject: plain",
            "=?utf-8?B?YQ==?=",
            "=?utf-8?B?YQ==?= =?utf-8?Q?b?=",
            "=?utf-8?B?YQ==?= =?koi8-r?B?Yg==?=",
            "=?utf-8?B?YQ==?= x =?utf-8?B?Yg==?=",
            "=?utf-8?B?YQ==?=\r\nTo: =?utf-8?B?Yg==?=",
            "=?utf-8?B?**?= =?utf-8?B?Yg==?=",
            "=?utf-8?B?YQ==?==?utf-8?B?Yg==?=",
            "=?=?=?",
        ] {
            assert_eq!(joined(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(pieces in proptest::collection::vec(
            prop_oneof![Just("=?".to_owned()), Just("?=".to_owned()), Just("?B?".to_owned()), Just("utf-8".to_owned()),
                Just("YQ==".to_owned()), Just("\r\n ".to_owned()), Just(" ".to_owned()), ".{0,6}"], 0..40)) {
            let _ = join(pieces.concat().as_bytes());
        }
    }
}
