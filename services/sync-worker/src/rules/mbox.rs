//! Mails one after the other in one file (RFC 4155), quoted the reversible way ("mboxrd"): a line of a mail that begins with
//! `From `, behind any number of `>`, gets one more `>`. Otherwise a mail's bytes stay as they are.

use std::borrow::Cow;

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

/// What follows a mail: it ends its last line, and an empty one comes before the next separator.
pub fn end(mail: &[u8]) -> &'static [u8] {
    if mail.is_empty() || mail.ends_with(b"\n") { b"\n" } else { b"\n\n" }
}

/// The mail's bytes, quoted where they must be.
pub fn quoted(mail: &[u8]) -> Cow<'_, [u8]> {
    let lines = || mail.split_inclusive(|byte| *byte == b'\n');
    let extra = lines().filter(|line| separates(line)).count();
    if extra == 0 {
        return Cow::Borrowed(mail);
    }
    let mut out = Vec::with_capacity(mail.len() + extra);
    for line in lines() {
        if separates(line) {
            out.push(b'>');
        }
        out.extend_from_slice(line);
    }
    Cow::Owned(out)
}

fn separates(line: &[u8]) -> bool {
    let quotes = line.iter().take_while(|byte| **byte == b'>').count();
    line.get(quotes..).is_some_and(|rest| rest.starts_with(FROM))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
            ("", ""),
        ] {
            assert_eq!(quoted(mail.as_bytes()), file.as_bytes(), "{mail:?}");
        }
    }

    #[test]
    fn a_separator_is_one_line() {
        let at: Timestamp = "2026-03-02T10:00:05Z".parse().unwrap();
        assert_eq!(separator("a@b.c", at), "From a@b.c Mon Mar  2 10:00:05 2026\n");
        assert_eq!(separator("a b\r\nFrom x@y", at), "From abFromx@y Mon Mar  2 10:00:05 2026\n");
        assert_eq!(separator(" ", at), "From MAILER-DAEMON Mon Mar  2 10:00:05 2026\n");
        assert_eq!((end(b"x"), end(b"x\n"), end(b"")), (&b"\n\n"[..], &b"\n"[..], &b"\n"[..]));
    }

    proptest! {
        #[test]
        fn what_is_quoted_reads_back_and_separates_nothing(mail in "(>{0,3}From |x|\n|\r\n|From){0,40}") {
            let file = quoted(mail.as_bytes()).into_owned();
            prop_assert!(!file.split(|byte| *byte == b'\n').any(|line| line.starts_with(FROM)));
            prop_assert_eq!(unquoted(&file), mail.into_bytes());
        }
    }
}
