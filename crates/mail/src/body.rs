//! Text and HTML of a mail.

use std::borrow::Cow;
use std::collections::HashMap;

use postrider_domain::text::truncate;

use super::decode::{charset, transfer};
use super::mail::{Note, ParsedMail};
use super::mime::content::Content;
use super::mime::select::Selection;
use super::mime::tree::Tree;
use super::text::clean;
use super::{flowed, html, limits, to_text};

/// Reads the bodies that a reader would see into `mail`.
pub(super) fn read(tree: &Tree<'_>, selection: &Selection, mail: &mut ParsedMail) {
    let mut bodies = Bodies::of(tree);
    let mut text = Joined::default();
    for id in &selection.text {
        let body = bodies.get(*id, mail);
        text.add(&if body.html {
            Cow::Owned(to_text::read(truncate(&body.text, limits::BODY)))
        } else {
            Cow::Borrowed(body.text.as_str())
        });
        text.cut |= body.cut;
    }
    mail.text = text.take(mail);
    if let Some(source) = bodies.html(selection, mail) {
        mail.html = html::sanitise(&source, &html::View::default()).map(|html| clean(&html, 2 * limits::BODY));
        if mail.html.is_none() {
            mail.note(Note::HtmlTooDeep);
        }
    }
}

/// The HTML as it was sent, plain parts dressed up; None if no part is HTML.
pub(super) fn html_source(tree: &Tree<'_>, selection: &Selection) -> Option<String> {
    Bodies::of(tree).html(selection, &mut ParsedMail::default())
}

/// Parts that are read, each once: an HTML part may give both the HTML and the text.
struct Bodies<'t, 's> {
    tree: &'t Tree<'s>,
    read: HashMap<usize, Body>,
}

impl<'t, 's> Bodies<'t, 's> {
    fn of(tree: &'t Tree<'s>) -> Self {
        Self { tree, read: HashMap::new() }
    }

    fn get(&mut self, id: usize, mail: &mut ParsedMail) -> &Body {
        self.read.entry(id).or_insert_with(|| Body::read(self.tree, id, mail))
    }

    fn html(&mut self, selection: &Selection, mail: &mut ParsedMail) -> Option<String> {
        let mut html = Joined::default();
        for id in &selection.html {
            let body = self.get(*id, mail);
            html.add(&if body.html {
                Cow::Borrowed(body.text.as_str())
            } else {
                Cow::Owned(to_text::dress(truncate(&body.text, limits::BODY)))
            });
            html.cut |= body.cut;
        }
        html.take(mail)
    }
}

/// A part that is read.
struct Body {
    text: String,
    html: bool,
    cut: bool,
}

impl Body {
    fn read(tree: &Tree<'_>, id: usize, mail: &mut ParsedMail) -> Self {
        let content = tree.content(id);
        let raw = tree.part(id).map(|part| part.body).unwrap_or_default();
        // No encoding makes a text more than four times shorter: the rest would be cut anyway.
        let kept = raw.get(..limits::BODY * 4).unwrap_or(raw);
        let decoded = transfer::decode(kept, content.encoding);
        if decoded.broken {
            mail.note(Note::BadEncoding);
        }
        let html = content.is("text/html");
        let label = content.charset();
        let mut text = charset::text(&decoded.bytes, label.as_deref(), html);
        if !html {
            text = unflowed(text, &content);
        }
        if !decoded.footer.is_empty() {
            let footer = charset::text(decoded.footer, label.as_deref(), false);
            text.push_str(&if html { to_text::dress(&footer) } else { format!("\n{footer}") });
        }
        Self { text, html, cut: kept.len() < raw.len() }
    }
}

fn unflowed(text: String, content: &Content) -> String {
    let is = |name: &str, value: &str| content.params.get(name).is_some_and(|given| given.eq_ignore_ascii_case(value));
    if is("format", "flowed") { flowed::join(&text, is("delsp", "yes")) } else { text }
}

/// Parts one below the other, up to the limit.
#[derive(Default)]
struct Joined {
    text: String,
    cut: bool,
}

impl Joined {
    fn add(&mut self, part: &str) {
        if !self.text.is_empty() && !part.is_empty() {
            self.text.push('\n');
        }
        let room = limits::BODY.saturating_sub(self.text.len());
        self.cut |= part.len() > room;
        self.text.push_str(truncate(part, room));
    }

    fn take(self, mail: &mut ParsedMail) -> Option<String> {
        if self.cut {
            mail.note(Note::BodyCut);
        }
        let text = clean(&self.text, limits::BODY);
        (!text.trim().is_empty()).then_some(text)
    }
}
