//! Message ids in Message-ID, In-Reply-To and References.

use super::words;
use crate::limits;
use crate::text::line;

/// All ids of a header without their brackets; words alone where there are no brackets.
pub(crate) fn read(header: &[u8]) -> Vec<String> {
    let value = words::unfold(header);
    let text = String::from_utf8_lossy(&value);
    let bracketed: Vec<&str> =
        text.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(id, _)| id.trim()).collect();
    let ids: Vec<&str> = if bracketed.is_empty() { text.split([' ', ',']).collect() } else { bracketed };
    ids.into_iter().filter_map(|id| line(id.trim_matches(['<', '>', ' ']), limits::MESSAGE_ID)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_with_and_without_brackets() {
        for (header, expected) in [
            ("<a@b>", vec!["a@b"]),
            ("<a@b> (comment)\r\n <c@d>", vec!["a@b", "c@d"]),
            ("a@b", vec!["a@b"]),
            ("<a@b", vec!["a@b"]),
            ("Your mail of today <a@b>", vec!["a@b"]),
            ("< a@b >", vec!["a@b"]),
            ("<>", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(read(header.as_bytes()), expected, "{header}");
        }
    }
}
