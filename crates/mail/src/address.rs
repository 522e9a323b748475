//! Addresses as written in headers. They are shown and searched, never trusted: nothing here must be a valid address.

use mail_parser::Address;

use super::limits;
use super::text::line;

/// A name and an address; either may be empty, not both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mailbox {
    pub name: Option<String>,
    /// As written; empty where the header has only a name.
    pub address: String,
}

/// The mailboxes of a header; groups are taken apart.
pub(super) fn mailboxes(header: Option<&Address<'_>>) -> Vec<Mailbox> {
    let each = header.into_iter().flat_map(Address::iter);
    each.filter_map(|entry| {
        let name = entry.name.as_deref().and_then(|name| line(name, limits::LINE));
        let address = entry.address.as_deref().and_then(|address| line(address, limits::MESSAGE_ID));
        (name.is_some() || address.is_some()).then(|| Mailbox { name, address: address.unwrap_or_default() })
    })
    .take(limits::ADDRESSES)
    .collect()
}
