//! Mails as they are stored and shown, from their RFC 822 source.
//!
//! Whatever the source is, [`parse`] gives a [`ParsedMail`]: a mail that cannot be read fully says so in
//! [`ParsedMail::notes`] and never stops the others. Every list and text has a cap (`limits`), NULs are replaced
//! (Postgres text refuses them), HTML is sanitised. Parsing 35 MB takes a while: call it off the async threads.
//!
//! `header` reads header values, `decode` transfer encodings and charsets, `mime` the structure.

mod around;
mod attachment;
mod body;
mod calendar;
mod decode;
mod filename;
mod flowed;
mod header;
mod html;
mod limits;
mod mail;
mod markup;
mod mime;
mod parse;
mod preview;
mod protection;
mod slice;
mod text;
mod tnef;
mod to_text;

pub use around::around;
pub use attachment::Attachment;
pub use calendar::{EventTime, Invitation};
pub use header::address::Mailbox;
pub use header::list::Header;
pub use html::{Place, Remote, View, sanitise};
pub use mail::{Note, ParsedMail};
pub use parse::{PARSER_VERSION, attachment_bytes, parse, shown_html};
pub use preview::preview;
pub use protection::Protection;
pub use slice::{Cutter, Lines, Slice, Written};

#[cfg(test)]
mod tests;
