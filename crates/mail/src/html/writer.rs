//! HTML written anew: only elements and attributes that are known, everything else as text.
//!
//! What comes out is harmless by its own form, however a browser reads what went in: it has no element whose content is not
//! read as HTML, every `<` that is not ours is escaped, and so is every quote in a value.

use super::allowed::{Class, Element, attribute, element, gone_whole};
use super::open::Open;
use super::values::harmless;
use super::{Shown, View};
use crate::limits;
use crate::markup::{Tag, Token, Tokens, entity};

/// What HTML is safe to show of a source.
pub(super) fn write(html: &str, view: &View<'_>) -> Shown {
    let writer = attempt(html, view, html.len() + html.len() / 4 + 256);
    let needed = writer.length;
    // Rather written twice than grown: HTML is a large part of the memory that a mail takes.
    let writer = if needed > writer.out.capacity() {
        drop(writer);
        attempt(html, view, needed)
    } else {
        writer
    };
    Shown { html: writer.out, cut: writer.cut }
}

fn attempt<'v>(html: &str, view: &'v View<'v>, capacity: usize) -> Writer<'v> {
    let out = String::with_capacity(capacity);
    let mut writer = Writer { out, length: 0, cut: false, open: Open::default(), view };
    let mut tokens = Tokens::of(html);
    let mut gone = Gone::default();
    while let Some(token) = tokens.next() {
        if writer.length > limits::SHOWN {
            writer.cut = true;
            break;
        }
        match token {
            Token::Text(text) => writer.text(&entity::decode(text, false)),
            Token::Start(tag) => match gone_whole(tag.name) {
                Some(name) => gone.pass(name, &mut tokens),
                None => writer.begin(&tag),
            },
            Token::Raw(text) => writer.text(text),
            Token::End(name) => writer.end(name),
        }
    }
    writer.finish();
    writer
}

/// Elements that go with their content, and which of them are never closed: those go alone.
#[derive(Default)]
struct Gone {
    unclosed: Vec<&'static str>,
}

impl Gone {
    fn pass(&mut self, name: &'static str, tokens: &mut Tokens<'_>) {
        if self.unclosed.contains(&name) {
            return;
        }
        // Looked for first: a picture that is never closed must not swallow the mail.
        let end = format!("</{name}");
        let is_end = |at: &usize| {
            tokens
                .rest()
                .as_bytes()
                .get(*at..*at + end.len())
                .is_some_and(|tag| tag.eq_ignore_ascii_case(end.as_bytes()))
        };
        if !memchr::memchr_iter(b'<', tokens.rest().as_bytes()).any(|at| is_end(&at)) {
            self.unclosed.push(name);
            if matches!(name, "svg" | "math" | "object" | "noscript" | "template") {
                return;
            }
        }
        let mut depth = 1_usize;
        for token in tokens {
            match token {
                Token::Start(tag) if tag.name.eq_ignore_ascii_case(name) => depth += 1,
                Token::End(ended) if ended.eq_ignore_ascii_case(name) => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }
}

struct Writer<'v> {
    /// As much as there was room for.
    out: String,
    /// How long it would be.
    length: usize,
    cut: bool,
    open: Open,
    view: &'v View<'v>,
}

impl Writer<'_> {
    fn begin(&mut self, tag: &Tag<'_>) {
        let Some((number, element)) = element(tag.name) else { return };
        let Some(from) = self.open.begins(element).filter(|_| !self.open.is_full()) else { return };
        self.close(from);
        if element.name == "a" && self.open.pop_formatting(number) {
            self.end_tag(element);
        }
        self.start_tag(element, tag);
        if element.class != Class::Void {
            self.open.push(number, element.class);
        }
    }

    fn end(&mut self, name: &str) {
        let Some((number, element)) = element(name) else { return };
        match element.class {
            // Browsers read `</br>` as one.
            Class::Void if element.name == "br" => self.put("<br>"),
            Class::Void => {}
            Class::Formatting => {
                if self.open.pop_formatting(number) {
                    self.end_tag(element);
                }
            }
            _ => {
                if let Some(from) = self.open.ends(number, element) {
                    self.close(from);
                }
            }
        }
    }

    /// Ends the elements from a place on.
    fn close(&mut self, from: usize) {
        while self.open.len() > from {
            let Some(element) = self.open.pop() else { return };
            self.end_tag(element);
        }
    }

    fn finish(&mut self) {
        self.close(0);
        let left: Vec<_> = self.open.left().collect();
        for element in left {
            self.end_tag(element);
        }
    }

    fn start_tag(&mut self, element: &Element, tag: &Tag<'_>) {
        self.put("<");
        self.put(element.name);
        let mut written: Vec<&str> = Vec::new();
        for (name, value) in tag.attributes() {
            let Some(name) = attribute(element, name).filter(|name| !written.contains(name)) else { continue };
            written.push(name);
            if let Some(value) = harmless(element.name, name, entity::decode(value, true), self.view) {
                if self.length + value.len() > limits::SHOWN {
                    self.cut = true;
                    continue;
                }
                self.attribute(name, &value);
                if name == "href" {
                    self.put(" target=\"_blank\" rel=\"noopener noreferrer nofollow\"");
                }
            }
        }
        self.put(">");
    }

    fn attribute(&mut self, name: &str, value: &str) {
        self.put(" ");
        self.put(name);
        self.put("=\"");
        self.escaped(value, true);
        self.put("\"");
    }

    fn end_tag(&mut self, element: &Element) {
        self.put("</");
        self.put(element.name);
        self.put(">");
    }

    fn text(&mut self, text: &str) {
        self.escaped(text, false);
    }

    fn escaped(&mut self, text: &str, quotes: bool) {
        let mut rest = text;
        let special = |c: char| matches!(c, '&' | '<' | '>' | '\0' | '\r' | '\u{A0}') || quotes && c == '"';
        while let Some(at) = rest.find(special) {
            if self.length > limits::SHOWN {
                self.cut = true;
                return;
            }
            let (before, from) = rest.split_at_checked(at).unwrap_or((rest, ""));
            self.put(before);
            let mut chars = from.chars();
            match chars.next() {
                Some('&') => self.put("&amp;"),
                Some('<') => self.put("&lt;"),
                Some('>') => self.put("&gt;"),
                Some('"') => self.put("&quot;"),
                Some('\u{A0}') => self.put("&nbsp;"),
                Some('\r') if !chars.as_str().starts_with('\n') => self.put("\n"),
                _ => {}
            }
            rest = chars.as_str();
        }
        self.put(rest);
    }

    fn put(&mut self, piece: &str) {
        self.length += piece.len();
        if self.length <= self.out.capacity() {
            self.out.push_str(piece);
        }
    }
}
