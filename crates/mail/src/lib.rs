//! Mails as they are stored and shown, from their RFC 822 source.
//!
//! Whatever the source is, [`parse`] gives a [`ParsedMail`]: a mail that cannot be read fully says so in
//! [`ParsedMail::notes`] and never stops the others. Every list and text has a cap (`limits`), NULs are replaced
//! (Postgres text refuses them), HTML is sanitised. Parsing 35 MB takes a while: call it off the async threads.

mod address;
mod attachment;
mod body;
mod encoded_words;
mod filename;
mod headers;
mod html;
mod limits;
mod mail;
mod parse;
mod scan;
mod text;
mod tree;

pub use address::Mailbox;
pub use attachment::Attachment;
pub use headers::Header;
pub use mail::{Note, ParsedMail};
pub use parse::{attachment_bytes, parse};

#[cfg(test)]
mod tests;
