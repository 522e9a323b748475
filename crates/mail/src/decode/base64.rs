//! Base64 that survives what gateways and mailing lists do to it.
//!
//! Stray bytes are passed over. A list's footer behind the data is told apart from it: only where the data can end (between
//! two quads), and by a line that is not mostly base64, or by any line behind the padding that holds no data of its own.

/// What was decoded, and what stands behind the data.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded<'a> {
    pub(crate) bytes: Vec<u8>,
    /// Text behind the data, such as a list's footer; empty in honest mail.
    pub(crate) rest: &'a [u8],
    /// Whether there were bytes that belong to no base64.
    pub(crate) stray: bool,
}

const OTHER: u8 = 0xFF;
const SPACE: u8 = 0xFE;
const PAD: u8 = 0xFD;

static VALUES: [u8; 256] = values();

const fn values() -> [u8; 256] {
    let mut table = [OTHER; 256];
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut at, mut value) = (0, 0_u8);
    while at < digits.len() {
        #[expect(clippy::indexing_slicing, reason = "evaluated when compiling")]
        {
            table[digits[at] as usize] = value;
        }
        at += 1;
        value += 1;
    }
    #[expect(clippy::indexing_slicing, reason = "evaluated when compiling")]
    {
        table[b' ' as usize] = SPACE;
        table[b'\t' as usize] = SPACE;
        table[b'\r' as usize] = SPACE;
        table[b'\n' as usize] = SPACE;
        table[b'=' as usize] = PAD;
    }
    table
}

fn value(byte: u8) -> u8 {
    VALUES.get(usize::from(byte)).copied().unwrap_or(OTHER)
}

/// Whether the byte is one of the 64.
pub(crate) fn is_digit(byte: u8) -> bool {
    value(byte) < 64
}

/// What the byte stands for, if it is one of the 64.
pub(crate) fn digit(byte: u8) -> Option<u8> {
    Some(value(byte)).filter(|value| *value < 64)
}

/// Decodes as much as there is.
pub(crate) fn decode(data: &[u8]) -> Decoded<'_> {
    let mut open = Open { out: Vec::with_capacity(data.len() / 4 * 3 + 3), ..Open::default() };
    let mut stray = false;
    let mut at = 0;
    while at < data.len() {
        let end = crate::header::block::line_end(data, at);
        let line = data.get(at..end).unwrap_or_default();
        let before = open.mark();
        let others = open.push(line);
        if before.digits == 0 && (foreign(line, others) || before.padded && !more_data(line)) {
            open.back(before);
            return Decoded { bytes: open.end(), rest: data.get(at..).unwrap_or_default(), stray };
        }
        stray |= others > 0;
        at = end;
    }
    Decoded { bytes: open.end(), rest: &[], stray }
}

/// Whether a line is no base64: a quarter of it is something else, or it has words.
fn foreign(line: &[u8], others: usize) -> bool {
    let line = line.trim_ascii();
    others > 0 && (others * 4 >= line.len() || line.contains(&b' '))
}

/// Whether a line behind the padding is a further piece of base64: whole quads, and long or padded itself.
fn more_data(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    line.is_empty() || line.len().is_multiple_of(4) && (line.len() >= 60 || line.ends_with(b"="))
}

#[derive(Default)]
struct Open {
    out: Vec<u8>,
    bits: u32,
    digits: u8,
    padded: bool,
}

/// A place to go back to.
#[derive(Clone, Copy)]
struct Mark {
    length: usize,
    bits: u32,
    digits: u8,
    padded: bool,
}

impl Open {
    fn mark(&self) -> Mark {
        Mark { length: self.out.len(), bits: self.bits, digits: self.digits, padded: self.padded }
    }

    fn back(&mut self, mark: Mark) {
        self.out.truncate(mark.length);
        (self.bits, self.digits, self.padded) = (mark.bits, mark.digits, mark.padded);
    }

    /// Decodes a line; how many of its bytes are no base64.
    fn push(&mut self, line: &[u8]) -> usize {
        let mut others = 0;
        let mut rest = line;
        // Whole quads first: nearly all of every honest line.
        if self.digits == 0 {
            let mut quads = line.chunks_exact(4);
            for quad in quads.by_ref() {
                let [a, b, c, d] = *quad else { break };
                let (a, b, c, d) = (value(a), value(b), value(c), value(d));
                if (a | b | c | d) >= 64 {
                    break;
                }
                let bits = u32::from(a) << 18 | u32::from(b) << 12 | u32::from(c) << 6 | u32::from(d);
                let [_, x, y, z] = bits.to_be_bytes();
                self.out.extend_from_slice(&[x, y, z]);
                rest = rest.get(4..).unwrap_or_default();
            }
        }
        for byte in rest {
            match value(*byte) {
                SPACE => {}
                PAD => self.pad(),
                OTHER => others += 1,
                digit => self.digit(digit),
            }
        }
        others
    }

    fn digit(&mut self, digit: u8) {
        self.bits = self.bits << 6 | u32::from(digit);
        self.digits += 1;
        if self.digits == 4 {
            let [_, x, y, z] = self.bits.to_be_bytes();
            self.out.extend_from_slice(&[x, y, z]);
            (self.bits, self.digits) = (0, 0);
        }
    }

    fn pad(&mut self) {
        if self.digits >= 2 {
            self.part();
            self.padded = true;
        }
    }

    /// The bytes of an open quad.
    fn part(&mut self) {
        let bits = self.bits << (6 * (4 - u32::from(self.digits)));
        let [_, x, y, _] = bits.to_be_bytes();
        self.out.push(x);
        if self.digits == 3 {
            self.out.push(y);
        }
        (self.bits, self.digits) = (0, 0);
    }

    fn end(mut self) -> Vec<u8> {
        if self.digits >= 2 {
            self.part();
        }
        self.out
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    pub(crate) fn encoded(bytes: &[u8]) -> Vec<u8> {
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut encoded = Vec::new();
        for chunk in bytes.chunks(3) {
            let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            for at in 0..4 {
                let digit = digits[(bits >> (18 - 6 * at) & 63) as usize];
                encoded.push(if at <= chunk.len() { digit } else { b'=' });
            }
        }
        encoded
    }

    fn text(data: &str) -> (String, String) {
        let decoded = decode(data.as_bytes());
        (String::from_utf8_lossy(&decoded.bytes).into_owned(), String::from_utf8_lossy(decoded.rest).into_owned())
    }

    #[test]
    fn survives_what_others_add() {
        for (data, bytes, rest) in [
            ("aGVsbG8=", "hello", ""),
            ("aGVsbG8", "hello", ""),
            ("aGVs\r\nbG8=\r\n", "hello", ""),
            ("aGVs!bG8=", "hello", ""),
            ("aGV\r\nsbG8=", "hello", ""),
            ("aGVs\0bG8\x07=", "hello", ""),
            ("aGVsbG8=\r\n____\r\nA list\r\n", "hello", "____\r\nA list\r\n"),
            ("aGVsbG8h\r\n-- \r\nA list\r\n", "hello!", "-- \r\nA list\r\n"),
            ("aGVsbG8=\r\nGoodbye1\r\n", "hello", "Goodbye1\r\n"),
            ("aGVs\r\n\r\nbG8=\r\n\r\n", "hello", ""),
            // Two pieces, each with its padding.
            ("aGVsbG8=\r\naGVsbG8=\r\n", "hellohello", ""),
            ("aGVsbG8=aGVsbG8=", "hellohello", ""),
            ("Not base64 at all.", "", "Not base64 at all."),
            ("=\r\n==", "", ""),
            ("a", "", ""),
            ("", "", ""),
        ] {
            assert_eq!(text(data), (bytes.to_owned(), rest.to_owned()), "{data:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_was_encoded_comes_back(bytes in proptest::collection::vec(any::<u8>(), 0..400), width in 1_usize..100) {
            let folded: Vec<u8> = encoded(&bytes).chunks(width).collect::<Vec<_>>().join(&b"\r\n"[..]);
            prop_assert_eq!(decode(&folded).bytes, bytes);
        }
    }
}
