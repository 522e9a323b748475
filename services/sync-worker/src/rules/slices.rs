//! Cuts work into small transactions: a kill loses little, and the lock on a mailbox is never held for long.

/// Most mails in one transaction.
pub const MAX_MAILS: usize = 100;
/// Most bytes of compressed source and text in one transaction; a single mail may be larger.
pub const MAX_BYTES: usize = 1 << 20;

/// How many of the leading items fit into one transaction; at least one where there is any.
pub fn leading(weights: impl IntoIterator<Item = (usize, usize)>) -> usize {
    let (mut mails, mut bytes, mut taken) = (0_usize, 0_usize, 0_usize);
    for (item_mails, item_bytes) in weights {
        (mails, bytes) = (mails.saturating_add(item_mails), bytes.saturating_add(item_bytes));
        if taken > 0 && (mails > MAX_MAILS || bytes > MAX_BYTES) {
            break;
        }
        taken += 1;
    }
    taken
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_fits_and_always_something() {
        assert_eq!(leading([(1, MAX_BYTES * 9)]), 1);
        assert_eq!(leading([(1, MAX_BYTES / 2), (1, MAX_BYTES / 2), (1, 1)]), 2);
        assert_eq!(leading(std::iter::repeat_n((1, 10), 500)), MAX_MAILS);
        assert_eq!(leading(std::iter::repeat_n((0, 0), 500)), 500);
        assert_eq!(leading([]), 0);
    }
}
