//! A mail without its attachments' bytes is shown as the whole of it is.

use std::ops::Range;

use postrider_mail::{Remote, View, around, parse, shown_html};

use super::measure::alone;
use super::mutate::{Random, corpus, mutated};

#[test]
fn what_lies_around_the_attachments_shows_what_the_mail_shows() {
    let _alone = alone();
    let corpus = corpus();
    let (view, mut smaller) = (View { remote: Remote::Images, cid: None }, 0);
    for seed in 0..3_000 {
        let raw = mutated(&corpus, &mut Random::new(seed));
        let files = parse(&raw).attachments;
        let slices = files.iter().filter_map(|file| file.slice).map(|slice| slice.begin..slice.end);
        let place = |at: u64| usize::try_from(at).unwrap();
        let part = |range: Range<u64>| raw[place(range.start)..place(range.end)].iter().copied();
        let left: Vec<u8> = around(raw.len() as u64, slices.collect()).into_iter().flat_map(part).collect();
        smaller += usize::from(left.len() < raw.len());
        assert_eq!(shown_html(&left, &view), shown_html(&raw, &view), "seed {seed}");
    }
    assert!(smaller > 300, "{smaller} mails had something to leave out");
}
