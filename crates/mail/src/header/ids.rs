//! Message ids in Message-ID, In-Reply-To and References.

use std::collections::VecDeque;

use super::words;
use crate::limits;
use crate::text::line;

/// The first id of a header.
pub(crate) fn first(header: &[u8]) -> Option<String> {
    let value = words::unfold(bounded(header));
    let text = String::from_utf8_lossy(&value);
    each(&text).next()
}

/// The last ids of a header, in its order: the newest references stand last and matter most.
pub(crate) fn last(header: &[u8], most: usize) -> Vec<String> {
    let value = words::unfold(header);
    let text = String::from_utf8_lossy(&value);
    let mut ids = VecDeque::new();
    for id in each(&text) {
        if ids.len() >= most {
            ids.pop_front();
        }
        ids.push_back(id);
    }
    ids.into()
}

fn bounded(header: &[u8]) -> &[u8] {
    header.get(..limits::HEADER_VALUE).unwrap_or(header)
}

/// Ids without their brackets; words alone where there are no brackets.
fn each(text: &str) -> impl Iterator<Item = String> {
    let bracketed = text.split_once('<').is_some_and(|(_, rest)| rest.contains('>'));
    let pieces =
        text.split(move |c| if bracketed { c == '<' } else { matches!(c, ' ' | ',') }).skip(usize::from(bracketed));
    let ids =
        pieces.filter_map(move |piece| if bracketed { piece.split_once('>').map(|(id, _)| id) } else { Some(piece) });
    ids.filter_map(|id| line(id.trim_matches(['<', '>', ' ']), limits::MESSAGE_ID))
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
            assert_eq!(last(header.as_bytes(), 9), expected, "{header}");
            assert_eq!(first(header.as_bytes()).as_deref(), expected.first().copied(), "{header}");
        }
        assert_eq!(last(b"<a> <b> <c>", 2), ["b", "c"]);
    }
}
