//! How far a run has come in its listing, when mails are settled out of order.

use std::collections::BTreeSet;

/// Places of listed mails that are under way. A place is settled when every one before it is, too: what a checkpoint says is
/// never asked for again.
#[derive(Debug)]
pub struct Window {
    open: BTreeSet<i64>,
    listed: i64,
}

impl Window {
    /// Everything up to `settled` is.
    pub fn new(settled: i64) -> Self {
        Self { open: BTreeSet::new(), listed: settled }
    }

    /// The listing was read up to `to`; the places in `open` are to be settled, the others need nothing.
    pub fn list(&mut self, open: impl IntoIterator<Item = i64>, to: i64) {
        self.open.extend(open);
        self.listed = self.listed.max(to);
    }

    /// One place is settled.
    pub fn settle(&mut self, place: i64) {
        self.open.remove(&place);
    }

    /// The last place before which nothing is under way.
    pub fn settled(&self) -> i64 {
        self.open.first().map_or(self.listed, |first| first - 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_slowest_mail_holds_the_checkpoint() {
        let mut window = Window::new(10);
        window.list([11, 13, 14], 15);
        assert_eq!(window.settled(), 10);
        window.settle(13);
        window.settle(14);
        assert_eq!(window.settled(), 10);
        window.settle(11);
        assert_eq!(window.settled(), 15, "12 and 15 needed nothing");
        window.list([17], 17);
        assert_eq!(window.settled(), 16);
    }

    proptest! {
        #[test]
        fn nothing_open_lies_behind_the_checkpoint(order in Just((1_i64..60).collect::<Vec<_>>()).prop_shuffle()) {
            let mut window = Window::new(0);
            window.list(order.iter().copied(), 59);
            let mut open: BTreeSet<i64> = order.iter().copied().collect();
            let mut before = 0;
            for place in order {
                window.settle(place);
                open.remove(&place);
                let settled = window.settled();
                prop_assert!(settled >= before && open.iter().all(|place| *place > settled));
                before = settled;
            }
            prop_assert_eq!(before, 59);
        }
    }
}
