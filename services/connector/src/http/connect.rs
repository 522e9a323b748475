//! What a link opens: a page that says who asks, for whom and which account, and its button.
//!
//! A link's address holds its token: nothing here logs a path, the pages send no referrer, and the form goes back to
//! where it came from, so that the token stands in no page.

pub mod begin;
mod page;
pub mod show;
