//! Addresses as written in headers. They are shown and searched, never trusted: nothing here must be a valid address.

use super::words::{self, Word};
use crate::limits;
use crate::text::line;

/// A name and an address; either may be empty, not both.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mailbox {
    pub name: Option<String>,
    /// As written; empty where the header has only a name.
    pub address: String,
}

/// The mailboxes of a header; groups are taken apart. `fallback` is the charset of raw bytes.
pub(crate) fn mailboxes(header: &[u8], fallback: Option<&str>) -> Vec<Mailbox> {
    let line = words::unfold(header);
    let mut list = List { fallback, ..List::default() };
    let mut rest = line.as_slice();
    while let Some((first, after)) = rest.split_first() {
        if list.mailboxes.len() >= limits::ADDRESSES {
            return list.mailboxes;
        }
        rest = match first {
            b'"' => list.quoted(after),
            b'(' => list.comment(after),
            b'<' => list.angle(after),
            b',' | b';' => list.end(after),
            // A group's name, unless it is part of an address.
            b':' if !list.text.contains(&b'@') => {
                list.open();
                after
            }
            b'=' => list.word(rest, after),
            byte => {
                list.text.push(*byte);
                after
            }
        };
    }
    list.end(&[]);
    list.mailboxes
}

/// The list read so far, and the mailbox that is open.
#[derive(Default)]
struct List<'f> {
    mailboxes: Vec<Mailbox>,
    fallback: Option<&'f str>,
    /// What stands outside of brackets, quotes gone.
    text: Vec<u8>,
    /// Where in it a quoted string ended: `"a b"@example.org`.
    quoted_until: usize,
    /// A quote was never closed: no later one counts.
    unclosed: bool,
    comment: Vec<u8>,
    angle: Option<Vec<u8>>,
}

impl List<'_> {
    /// Up to the closing quote; a quote that is never closed is passed over.
    fn quoted<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let before = self.text.len();
        let mut escaped = false;
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                _ if self.unclosed => break,
                _ if escaped => self.text.push(*byte),
                b'\\' => {}
                b'"' => {
                    self.quoted_until = self.text.len();
                    return rest.get(at + 1..).unwrap_or_default();
                }
                _ => self.text.push(*byte),
            }
            escaped = !escaped && *byte == b'\\';
        }
        self.unclosed = true;
        self.text.truncate(before);
        rest
    }

    fn comment<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let mut depth = 1_usize;
        self.comment.clear();
        for (at, byte) in rest.iter().enumerate() {
            match byte {
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return rest.get(at + 1..).unwrap_or_default();
            }
            self.comment.push(*byte);
        }
        &[]
    }

    /// `<address>`; where the bracket is never closed the address ends at white space or a comma.
    fn angle<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let rest = rest.strip_prefix(b"<").unwrap_or(rest);
        let open = |byte: &u8| matches!(byte, b'<' | b'>');
        let closed = rest.iter().position(open).filter(|at| rest.get(*at) == Some(&b'>'));
        let end =
            closed.or_else(|| rest.iter().position(|byte| matches!(byte, b',' | b';' | b' '))).unwrap_or(rest.len());
        let (address, after) = rest.split_at_checked(end).unwrap_or((rest, &[]));
        // `<@relay,@relay:address>`: the way is not the address.
        let address =
            if address.starts_with(b"@") { address.rsplit(|b| *b == b':').next().unwrap_or_default() } else { address };
        self.angle = Some(address.trim_ascii().to_vec());
        if closed.is_some() { closed_brackets(after) } else { after }
    }

    /// An encoded word is one piece, whatever stands in it.
    fn word<'a>(&mut self, rest: &'a [u8], after: &'a [u8]) -> &'a [u8] {
        let length = Word::read(rest).map_or(1, |word| word.length);
        self.text.extend_from_slice(rest.get(..length).unwrap_or_default());
        if length > 1 { rest.get(length..).unwrap_or_default() } else { after }
    }

    /// Begins anew, without a mailbox.
    fn open(&mut self) {
        self.text.clear();
        self.comment.clear();
        self.angle = None;
        self.quoted_until = 0;
    }

    fn end<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        if self.text.is_empty() && self.comment.is_empty() && self.angle.is_none() {
            return rest;
        }
        let (name, address) = match self.angle.take() {
            Some(address) if self.text.trim_ascii().is_empty() => (self.comment.clone(), address),
            Some(address) => (self.text.clone(), address),
            None => self.without_angle(),
        };
        let name = line(&words::decode(bounded(&name), self.fallback), limits::LINE);
        let address = line(&words::decode(bounded(&address), self.fallback), limits::MESSAGE_ID);
        if name.is_some() || address.is_some() {
            self.mailboxes.push(Mailbox { name, address: address.unwrap_or_default() });
        }
        self.open();
        rest
    }

    /// `address`, `address (name)`, `name address`, or a name alone.
    fn without_angle(&self) -> (Vec<u8>, Vec<u8>) {
        let text = self.text.trim_ascii();
        if !text.contains(&b'@') {
            return (if text.is_empty() { self.comment.clone() } else { text.to_vec() }, Vec::new());
        }
        if self.quoted_until > 0 && self.text.get(self.quoted_until) == Some(&b'@') {
            let (local, domain) = self.text.split_at_checked(self.quoted_until).unwrap_or((text, &[]));
            return (self.comment.clone(), [b"\"", local.trim_ascii_start(), b"\"", domain.trim_ascii()].concat());
        }
        let space = text.iter().rposition(u8::is_ascii_whitespace);
        match space.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))) {
            Some((name, address)) if address.contains(&b'@') && address.len() > 1 && !address.starts_with(b"@") => {
                (name.to_vec(), address.to_vec())
            }
            // `ann @ example.org`: white space around the sign is allowed.
            Some(_) => {
                (self.comment.clone(), text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect())
            }
            None => (self.comment.clone(), text.to_vec()),
        }
    }
}

/// What can be kept of it: no encoding makes text more than four times shorter.
fn bounded(text: &[u8]) -> &[u8] {
    text.get(..limits::LINE * 4).unwrap_or(text)
}

/// Behind brackets that close.
fn closed_brackets(rest: &[u8]) -> &[u8] {
    let end = rest.iter().position(|byte| *byte != b'>').unwrap_or(rest.len());
    rest.get(end..).unwrap_or_default()
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
