//! Which readers made a row of its source.

use postrider_mail::PARSER_VERSION;

use crate::rules::search::SEARCH_VERSION;

/// A parser, and a folding of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Versions {
    pub parser: i16,
    pub search: i16,
}

/// Foldings for each parser, so that one number says both.
const FOLDINGS: i32 = 100;

impl Versions {
    /// What this program reads with.
    pub const CURRENT: Self = Self { parser: PARSER_VERSION, search: SEARCH_VERSION };

    /// As one number that grows with either.
    pub const fn as_one(self) -> i32 {
        self.parser as i32 * FOLDINGS + self.search as i32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_better_reader_of_either_kind_is_a_greater_number() {
        let of = |parser, search| Versions { parser, search }.as_one();
        assert!(of(3, 1) < of(3, 2) && of(3, 99) < of(4, 1));
        assert!(i32::from(SEARCH_VERSION) < FOLDINGS, "two numbers no longer fit in one");
    }
}
