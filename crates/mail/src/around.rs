//! What of a source is no attachment: enough to show a mail without reading the film that hangs on it.

use std::ops::Range;

/// The ranges of a source of so many bytes that lie around its attachments' bytes ([`Slice`](super::Slice)). Put together they
/// are a mail of the same form whose attachments are empty: what is shown of it is what is shown of the whole.
pub fn around(size: u64, mut attachments: Vec<Range<u64>>) -> Vec<Range<u64>> {
    attachments.sort_unstable_by_key(|attachment| attachment.start);
    let (mut ranges, mut at) = (Vec::with_capacity(attachments.len() + 1), 0);
    for attachment in attachments {
        // One that is not where it can be is read.
        if attachment.start < at || attachment.end < attachment.start || attachment.end > size {
            continue;
        }
        ranges.push(at..attachment.start);
        at = attachment.end;
    }
    ranges.push(at..size);
    ranges.retain(|range| !range.is_empty());
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_in_order_and_what_cannot_be_is_read() {
        let ranges = |pairs: &[(u64, u64)]| pairs.iter().map(|(start, end)| *start..*end).collect::<Vec<_>>();
        for (attachments, left) in [
            (&[][..], &[(0, 100)][..]),
            (&[(50, 60), (10, 20)], &[(0, 10), (20, 50), (60, 100)]),
            (&[(0, 10), (10, 100)], &[]),
            (&[(10, 30), (20, 40), (40, 41)], &[(0, 10), (30, 40), (41, 100)]),
            (&[(90, 101), (7, 3), (5, 5)], &[(0, 5), (5, 100)]),
        ] {
            assert_eq!(around(100, ranges(attachments)), ranges(left), "{attachments:?}");
        }
    }
}
