//! Finding mails: words of mails and of searches, folded and cut alike.
//!
//! `fold` makes letters comparable, `words` cuts text, `document` makes what the index keeps of a mail, `query` reads what a
//! person typed, `terms` says it in the index's language, `share` guesses how much of a list answers it.

pub mod document;
pub mod fold;
pub mod query;
pub mod share;
pub mod terms;
pub mod words;

/// Of what these files make: a higher one makes stored mails be read again.
pub const SEARCH_VERSION: i16 = 1;
