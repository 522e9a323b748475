//! Where an attachment stands in its mail's source, so that it can be cut out, or a part of it, without the rest of the mail
//! being held or decoded.

use std::ops::Range;

use super::decode::base64;
use super::decode::transfer::Encoding;
use super::header::block::line_end;

/// The bytes of a source that hold an attachment, and how they are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    pub begin: u64,
    pub end: u64,
    pub written: Written,
}

/// How an attachment's bytes are written. What is written otherwise (quoted-printable, base64 with a list's footer behind
/// it, a package) has no slice: it is cut from the whole source by [`super::attachment_bytes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    AsItIs,
    /// Base64 with white space and nothing else; with its lines, if they are of one length.
    Base64(Option<Lines>),
}

/// Lines of one length: where a byte stands follows from its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// Digits of every line but the last: a multiple of four.
    pub digits: u32,
    /// From the beginning of one line to that of the next.
    pub bytes: u32,
}

/// A single line, however long.
const ONE_LINE: Lines = Lines { digits: u32::MAX - 3, bytes: u32::MAX - 3 };

impl Slice {
    /// Where a part's encoded bytes, which begin there in the source, can be cut.
    pub(crate) fn of(begin: usize, raw: &[u8], encoding: Encoding) -> Option<Self> {
        let written = match encoding {
            Encoding::Identity => Written::AsItIs,
            Encoding::Base64 if is_clean(raw) => Written::Base64(lines_of(raw)),
            Encoding::Base64 => return None,
            Encoding::QuotedPrintable | Encoding::Uuencode => return None,
        };
        let begin = u64::try_from(begin).ok()?;
        Some(Self { begin, end: begin.checked_add(u64::try_from(raw.len()).ok()?)?, written })
    }

    /// What is to be read of the source, from its beginning on, for these bytes of the attachment; and what makes them of it.
    pub fn cut(&self, wanted: &Range<u64>) -> (Range<u64>, Cutter) {
        let left = wanted.end.saturating_sub(wanted.start);
        let (from, skip, base64) = match self.written {
            Written::AsItIs => (wanted.start, 0, false),
            Written::Base64(None) => (0, wanted.start, true),
            Written::Base64(Some(Lines { digits, bytes })) => {
                let digit = wanted.start / 3 * 4;
                let (digits, bytes) = (u64::from(digits.max(4)), u64::from(bytes));
                (digit / digits * bytes + digit % digits, wanted.start % 3, true)
            }
        };
        let begin = self.begin.saturating_add(from).min(self.end);
        (begin..self.end, Cutter { base64, skip, left, bits: 0, digits: 0 })
    }
}

/// Makes an attachment's bytes of its source's, piece by piece.
#[derive(Debug, Clone)]
pub struct Cutter {
    base64: bool,
    /// Bytes before the first that is wanted.
    skip: u64,
    /// Bytes that are wanted still.
    left: u64,
    bits: u32,
    digits: u8,
}

impl Cutter {
    /// Whether nothing more is wanted.
    pub fn is_done(&self) -> bool {
        self.left == 0
    }

    /// What the next piece of the source brings.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let bytes = if self.base64 { self.decode(piece) } else { piece.to_vec() };
        self.wanted(bytes)
    }

    /// What is open when the source has ended.
    pub fn end(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.part(&mut bytes);
        self.wanted(bytes)
    }

    fn decode(&mut self, piece: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(piece.len() / 4 * 3 + 3);
        for byte in piece {
            if let Some(digit) = base64::digit(*byte) {
                self.bits = self.bits << 6 | u32::from(digit);
                self.digits += 1;
                if self.digits == 4 {
                    let [_, x, y, z] = self.bits.to_be_bytes();
                    out.extend_from_slice(&[x, y, z]);
                    (self.bits, self.digits) = (0, 0);
                }
            } else if *byte == b'=' {
                self.part(&mut out);
            }
        }
        out
    }

    /// The bytes of an open quad.
    fn part(&mut self, out: &mut Vec<u8>) {
        if self.digits < 2 {
            return;
        }
        let bits = self.bits << (6 * (4 - u32::from(self.digits)));
        let [_, x, y, _] = bits.to_be_bytes();
        out.push(x);
        if self.digits == 3 {
            out.push(y);
        }
        (self.bits, self.digits) = (0, 0);
    }

    fn wanted(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let length = |bytes: &Vec<u8>| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let skipped = usize::try_from(self.skip.min(length(&bytes))).unwrap_or(bytes.len());
        if skipped > 0 {
            bytes.drain(..skipped);
            self.skip -= u64::try_from(skipped).unwrap_or(0);
        }
        bytes.truncate(usize::try_from(self.left.min(length(&bytes))).unwrap_or(bytes.len()));
        self.left -= length(&bytes);
        bytes
    }
}

/// Whether there is base64 and white space alone, and padding at most at its end.
fn is_clean(raw: &[u8]) -> bool {
    let end = raw.iter().position(|byte| *byte == b'=').unwrap_or(raw.len());
    let (digits, padding) = raw.split_at_checked(end).unwrap_or((raw, &[]));
    digits.iter().all(|byte| base64::is_digit(*byte) || is_space(byte))
        && padding.iter().all(|byte| *byte == b'=' || is_space(byte))
}

/// The lines of clean base64, if what stands where follows from their length.
fn lines_of(raw: &[u8]) -> Option<Lines> {
    let last = raw.iter().rposition(|byte| base64::is_digit(*byte))?;
    let data = raw.get(..=last)?;
    if !data.iter().any(is_space) {
        return Some(ONE_LINE);
    }
    let first = raw.get(..line_end(raw, 0))?;
    let digits = first.iter().take_while(|byte| base64::is_digit(**byte)).count();
    if digits == 0 || !digits.is_multiple_of(4) {
        return None;
    }
    let even = data.chunks(first.len()).all(|line| {
        let (text, rest) = line.split_at_checked(digits).unwrap_or((line, &[]));
        text.iter().all(|byte| base64::is_digit(*byte)) && rest.iter().all(is_space)
    });
    let lines = Lines { digits: u32::try_from(digits).ok()?, bytes: u32::try_from(first.len()).ok()? };
    even.then_some(lines)
}

fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decode::transfer;

    fn lines(raw: &str) -> Option<Written> {
        Slice::of(0, raw.as_bytes(), Encoding::Base64).map(|slice| slice.written)
    }

    #[test]
    fn even_lines_are_told_from_uneven_ones_and_from_what_is_no_base64() {
        let even = |digits, bytes| Some(Written::Base64(Some(Lines { digits, bytes })));
        for (raw, written) in [
            ("aGVs\r\nbG8=\r\n", even(4, 6)),
            ("aGVsbG8h\naGVs", even(8, 9)),
            ("aGVs \nbG8h \nbG8h", even(4, 6)),
            ("aGVsbG8=", Some(Written::Base64(Some(ONE_LINE)))),
            ("aGVsbG8=\r\n\r\n", Some(Written::Base64(Some(ONE_LINE)))),
            ("aGVs\r\nbG8h\naGVs", Some(Written::Base64(None))),
            ("aGV\nsbG8\n", Some(Written::Base64(None))),
            ("\naGVsbG8=", Some(Written::Base64(None))),
            ("aGVs\nbG8haGVs\n", Some(Written::Base64(None))),
            ("", Some(Written::Base64(None))),
            ("aGVs!bG8=", None),
            ("aGVsbG8=\naGVsbG8=\n", None),
            ("aGVsbG8=\n-- \nA list\n", None),
        ] {
            assert_eq!(lines(raw), written, "{raw:?}");
        }
        assert_eq!(Slice::of(7, b"=3D", Encoding::QuotedPrintable), None);
        let as_it_is = Slice { begin: 7, end: 10, written: Written::AsItIs };
        assert_eq!(Slice::of(7, b"abc", Encoding::Identity), Some(as_it_is));
    }

    fn cut(source: &[u8], slice: &Slice, wanted: Range<usize>, piece: usize) -> Vec<u8> {
        let (from, mut cutter) = slice.cut(&(wanted.start as u64..wanted.end as u64));
        let mut out = Vec::new();
        for piece in source[from.start as usize..from.end as usize].chunks(piece) {
            out.extend(cutter.push(piece));
            if cutter.is_done() {
                return out;
            }
        }
        out.extend(cutter.end());
        out
    }

    proptest! {
        #[test]
        fn any_part_of_it_is_what_the_whole_has_there(
            bytes in proptest::collection::vec(any::<u8>(), 0..300), width in 1_usize..90, end in "\r?\n| \n",
            base64 in any::<bool>(), (a, b) in (0_usize..320, 0_usize..320), piece in 1_usize..100
        ) {
            let encoding = if base64 { Encoding::Base64 } else { Encoding::Identity };
            let written = if base64 {
                let text = base64::tests::encoded(&bytes);
                text.chunks(width).collect::<Vec<_>>().join(end.as_bytes())
            } else {
                bytes.clone()
            };
            let source = [b"head\n\n", written.as_slice(), b"\n--tail--\n"].concat();
            let slice = Slice::of(6, &written, encoding).unwrap();
            let whole = transfer::decode(&written, encoding);
            prop_assert_eq!(whole.bytes.as_ref(), bytes.as_slice());
            let wanted = a.min(b).min(bytes.len())..a.max(b).min(bytes.len());
            prop_assert_eq!(cut(&source, &slice, wanted.clone(), piece), &bytes[wanted]);
            prop_assert_eq!(cut(&source, &slice, 0..bytes.len(), piece), bytes);
        }
    }
}
