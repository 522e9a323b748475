//! Mails one after the other in one file (RFC 4155), quoted the reversible way ("mboxrd"): a line of a mail that begins with
//! `From `, behind any number of `>`, gets one more `>`. Otherwise a mail's bytes stay as they are.

use postrider_domain::Timestamp;

const FROM: &[u8] = b"From ";
/// Longest sender in a separator.
const LONGEST: usize = 320;

/// The line before a mail. Who wrote it is the header's business; a separator has room for a word without spaces.
pub fn separator(sender: &str, received_at: Timestamp) -> String {
    let sender: String = sender.chars().filter(|c| !c.is_control() && !c.is_whitespace()).take(LONGEST).collect();
    let sender = if sender.is_empty() { "MAILER-DAEMON" } else { &sender };
    format!("From {sender} {}\n", received_at.format("%a %b %e %H:%M:%S %Y"))
}

/// Quotes one mail, in whatever pieces it comes.
#[derive(Debug, Clone, Copy)]
pub struct Quoting {
    place: Place,
    /// The last byte was a line end, or there was none.
    ended: bool,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    /// At the start of a line, behind any number of `>`, and so many bytes of [`FROM`] that are held back.
    Start(usize),
    Inside,
}

impl Quoting {
    /// At the start of a mail.
    pub fn new() -> Self {
        Self { place: Place::Start(0), ended: true }
    }

    /// The next bytes of the mail as they stand in the file.
    pub fn push(&mut self, mut mail: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(mail.len() + FROM.len());
        if let Some(last) = mail.last() {
            self.ended = *last == b'\n';
        }
        loop {
            match self.place {
                Place::Inside => {
                    let end = mail.iter().position(|byte| *byte == b'\n').map_or(mail.len(), |at| at + 1);
                    let (line, rest) = mail.split_at(end);
                    out.extend_from_slice(line);
                    if line.last() != Some(&b'\n') {
                        return out;
                    }
                    (self.place, mail) = (Place::Start(0), rest);
                }
                Place::Start(held) => {
                    let Some((byte, rest)) = mail.split_first() else { return out };
                    if FROM.get(held) == Some(byte) {
                        mail = rest;
                        self.place = Place::Start(held + 1);
                        if held + 1 == FROM.len() {
                            out.push(b'>');
                            out.extend_from_slice(FROM);
                            self.place = Place::Inside;
                        }
                    } else if held == 0 && *byte == b'>' {
                        // One more of them makes no difference where it stands among them.
                        out.push(b'>');
                        mail = rest;
                    } else {
                        out.extend_from_slice(FROM.get(..held).unwrap_or_default());
                        self.place = Place::Inside;
                    }
                }
            }
        }
    }

    /// What follows the mail: it ends its last line, and an empty one comes before the next separator.
    pub fn end(self) -> Vec<u8> {
        let held = if let Place::Start(held) = self.place { held } else { 0 };
        let mut out = FROM.get(..held).unwrap_or_default().to_vec();
        out.extend_from_slice(if self.ended { b"\n" } else { b"\n\n" });
        out
    }
}

impl Default for Quoting {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn separates(line: &[u8]) -> bool {
        let quotes = line.iter().take_while(|byte| **byte == b'>').count();
        line[quotes..].starts_with(FROM)
    }

    /// A mail in pieces of this size, without what follows it.
    fn quoted(mail: &[u8], size: usize) -> Vec<u8> {
        let mut quoting = Quoting::new();
        let mut out: Vec<u8> = mail.chunks(size).flat_map(|piece| quoting.push(piece)).collect();
        let end = quoting.end();
        let line_ends = if mail.is_empty() || mail.ends_with(b"\n") { 1 } else { 2 };
        let (held, line_end) = end.split_at(end.len() - line_ends);
        assert!(line_end.iter().all(|byte| *byte == b'\n'), "{end:?}");
        out.extend_from_slice(held);
        out
    }

    fn unquoted(text: &[u8]) -> Vec<u8> {
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        lines.flat_map(|line| if separates(line) { line.get(1..).unwrap_or_default() } else { line }.to_vec()).collect()
    }

    #[test]
    fn only_what_looks_like_a_separator_is_quoted() {
        for (mail, file) in [
            ("Subject: x\r\n\r\nhi", "Subject: x\r\n\r\nhi"),
            ("From me\nFrom: x\n", ">From me\nFrom: x\n"),
            ("a\r\nFrom b\r\n>From c\r\n> From d", "a\r\n>From b\r\n>>From c\r\n> From d"),
            ("a From b\n>>>From ", "a From b\n>>>>From "),
            ("a\nFro", "a\nFro"),
            ("FFrom \nFrFrom \n>Fro>From ", "FFrom \nFrFrom \n>Fro>From "),
            ("", ""),
        ] {
            for size in 1..8 {
                assert_eq!(quoted(mail.as_bytes(), size), file.as_bytes(), "{mail:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn a_separator_is_one_line() {
        let at: Timestamp = "2026-03-02T10:00:05Z".parse().unwrap();
        assert_eq!(separator("a@b.c", at), "From a@b.c Mon Mar  2 10:00:05 2026\n");
        assert_eq!(separator("a b\r\nFrom x@y", at), "From abFromx@y Mon Mar  2 10:00:05 2026\n");
        assert_eq!(separator(" ", at), "From MAILER-DAEMON Mon Mar  2 10:00:05 2026\n");
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back_and_separates_nothing(
            mail in "(>{0,3}From |x|\n|\r\n|From){0,40}",
            size in 1..40_usize,
        ) {
            let file = quoted(mail.as_bytes(), size);
            prop_assert!(!file.split(|byte| *byte == b'\n').any(|line| line.starts_with(FROM)));
            prop_assert_eq!(unquoted(&file), mail.into_bytes());
        }
    }
}
