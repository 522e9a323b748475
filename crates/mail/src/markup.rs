//! HTML as a row of tokens, borrowed from the source: nothing is allocated, no tree is built.
//!
//! Reads as browsers do (WHATWG HTML §13.2.5), except inside scripts, which nobody here shows. Whoever writes HTML again from
//! these tokens must not rely on that: see `html`.

use memchr::{memchr, memchr_iter};

pub(crate) mod entity;

/// A piece of HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    /// Text as it stands in the source: character references are not resolved.
    Text(&'a str),
    Start(Tag<'a>),
    /// The content of the element that just began, which holds no markup.
    Raw(&'a str),
    /// The name of an element that ends, as written.
    End(&'a str),
}

/// A start tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag<'a> {
    /// As written.
    pub(crate) name: &'a str,
    attributes: &'a str,
}

impl<'a> Tag<'a> {
    /// Names and values as they are written.
    pub(crate) fn attributes(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut rest = self.attributes;
        std::iter::from_fn(move || match attribute(rest) {
            Next::Attribute { name, value, after } => {
                rest = after;
                Some((name, value))
            }
            Next::TagEnds(_) | Next::SourceEnds => None,
        })
    }

    /// The value of the first attribute of this name, as it is written.
    pub(crate) fn get(&self, wanted: &str) -> Option<&'a str> {
        self.attributes().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value)
    }
}

/// Elements whose content is no markup.
const RAW: [&str; 9] = ["script", "style", "title", "textarea", "xmp", "iframe", "noembed", "noframes", "plaintext"];

/// The tokens of a source.
pub(crate) struct Tokens<'a> {
    rest: &'a str,
    /// The element whose raw content comes next.
    raw: Option<&'static str>,
}

impl<'a> Tokens<'a> {
    pub(crate) fn of(html: &'a str) -> Self {
        Self { rest: html, raw: None }
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a str {
        self.rest
    }

    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    /// Up to the end tag of a raw element.
    fn raw_content(&mut self, name: &str) -> &'a str {
        let source = self.rest.as_bytes();
        let ends = |at: &usize| {
            let after = source.get(at + 1..).and_then(|rest| rest.strip_prefix(b"/"));
            let named = after.and_then(|rest| rest.split_at_checked(name.len()));
            named.is_some_and(|(given, more)| {
                given.eq_ignore_ascii_case(name.as_bytes()) && more.first().is_some_and(ends_name)
            })
        };
        let end = if name == "plaintext" { None } else { memchr_iter(b'<', source).find(ends) };
        self.take(end.unwrap_or(source.len()))
    }

    /// Passes over a comment, or what browsers take for one.
    fn comment(&mut self) {
        let source = self.rest.as_bytes();
        let end = match source.strip_prefix(b"<!--") {
            Some(comment) if comment.starts_with(b">") => Some(5),
            Some(comment) if comment.starts_with(b"->") => Some(6),
            Some(comment) => memchr_iter(b'>', comment)
                .find(|at| comment.get(..*at).is_some_and(|text| text.ends_with(b"--") || text.ends_with(b"--!")))
                .map(|at| at + 5),
            None => memchr(b'>', source).map(|at| at + 1),
        };
        self.take(end.unwrap_or(source.len()));
    }

    /// The tag whose name begins `from` bytes on. A tag that never ends is none, and nothing follows it.
    fn tag(&mut self, from: usize) -> Option<Tag<'a>> {
        self.take(from);
        let length = self.rest.bytes().position(|byte| ends_name(&byte)).unwrap_or(self.rest.len());
        let name = self.take(length);
        let attributes = self.rest;
        loop {
            match attribute(self.rest) {
                Next::Attribute { after, .. } => self.rest = after,
                Next::TagEnds(after) => {
                    self.rest = after;
                    return Some(Tag { name, attributes });
                }
                Next::SourceEnds => {
                    self.rest = "";
                    return None;
                }
            }
        }
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        if let Some(name) = self.raw.take() {
            let content = self.raw_content(name);
            if !content.is_empty() {
                return Some(Token::Raw(content));
            }
        }
        loop {
            let source = self.rest.as_bytes();
            if source.is_empty() {
                return None;
            }
            let begins = |at: &usize| {
                source
                    .get(at + 1)
                    .is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, b'/' | b'!' | b'?'))
            };
            let at = memchr_iter(b'<', source).find(begins).unwrap_or(source.len());
            if at > 0 {
                return Some(Token::Text(self.take(at)));
            }
            match source.get(1..).unwrap_or_default() {
                [b'/', first, ..] if first.is_ascii_alphabetic() => return Some(Token::End(self.tag(2)?.name)),
                [first, ..] if first.is_ascii_alphabetic() => {
                    let tag = self.tag(1)?;
                    self.raw = RAW.into_iter().find(|raw| raw.eq_ignore_ascii_case(tag.name));
                    return Some(Token::Start(tag));
                }
                [b'/'] => return Some(Token::Text(self.take(2))),
                _ => self.comment(),
            }
        }
    }
}

/// What stands next in a tag.
enum Next<'a> {
    Attribute { name: &'a str, value: &'a str, after: &'a str },
    TagEnds(&'a str),
    SourceEnds,
}

fn ends_name(byte: &u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0C' | b'\r' | b' ' | b'/' | b'>')
}

fn is_space(byte: &u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\x0C' | b'\r' | b' ')
}

/// Reads the next attribute. All cuts are beside ASCII characters, so that each is between two characters.
fn attribute(text: &str) -> Next<'_> {
    let text = text.trim_start_matches(['\t', '\n', '\x0C', '\r', ' ', '/']);
    if let Some(after) = text.strip_prefix('>') {
        return Next::TagEnds(after);
    }
    // A `=` that comes first is part of the name.
    let length = text.bytes().skip(1).position(|byte| byte == b'=' || ends_name(&byte)).map_or(text.len(), |at| at + 1);
    let (name, after) = text.split_at_checked(length).unwrap_or((text, ""));
    let Some(value) = skip_spaces(after).strip_prefix('=') else {
        return if name.is_empty() { Next::SourceEnds } else { Next::Attribute { name, value: "", after } };
    };
    let value = skip_spaces(value);
    let quoted = value
        .strip_prefix('"')
        .map(|value| (value, '"'))
        .or_else(|| value.strip_prefix('\'').map(|value| (value, '\'')));
    if let Some((value, quote)) = quoted {
        return match value.split_once(quote) {
            Some((value, after)) => Next::Attribute { name, value, after },
            None => Next::SourceEnds,
        };
    }
    let length = value.bytes().position(|byte| byte == b'>' || is_space(&byte)).unwrap_or(value.len());
    let (value, after) = value.split_at_checked(length).unwrap_or((value, ""));
    Next::Attribute { name, value, after }
}

fn skip_spaces(text: &str) -> &str {
    text.trim_start_matches(['\t', '\n', '\x0C', '\r', ' '])
}

#[cfg(test)]
#[path = "markup_tests.rs"]
mod tests;
