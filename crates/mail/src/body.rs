//! Text and HTML of a mail.

use std::borrow::Cow;
use std::collections::HashMap;

use postrider_domain::text::truncate;

use super::decode::{charset, transfer};
use super::mail::{Note, ParsedMail};
use super::mime::content::Content;
use super::mime::select::Selection;
use super::mime::tree::Tree;
use super::text::{clean, cleaned};
use super::{flowed, html, limits, to_text};

/// Reads the bodies that a reader would see into `mail`.
pub(super) fn read(tree: &Tree<'_>, selection: &Selection, mail: &mut ParsedMail) {
    let mut bodies = Bodies::of(tree);
    let text = bodies.join(&selection.text, mail, Body::as_text);
    mail.text = text.map(|text| match text {
        Cow::Owned(text) => cleaned(text, limits::BODY),
        Cow::Borrowed(text) => clean(text, limits::BODY),
    });
    if let Some(source) = bodies.join(&selection.html, mail, Body::as_html) {
        match html::sanitised(&source, &html::View::default()) {
            Some(shown) => {
                if shown.cut {
                    mail.note(Note::BodyCut);
                }
                mail.html = Some(shown.html);
            }
            None => mail.note(Note::HtmlTooDeep),
        }
    }
}

/// The HTML made harmless as `view` says; None if no part is HTML, or if it cannot be shown.
pub(super) fn shown(tree: &Tree<'_>, selection: &Selection, view: &html::View<'_>) -> Option<String> {
    let mut bodies = Bodies::of(tree);
    let source = bodies.join(&selection.html, &mut ParsedMail::default(), Body::as_html)?;
    html::sanitise(&source, view)
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

    /// Parts one below the other, up to the limit; None if they are empty. A part that stands alone is not copied.
    fn join<'b>(
        &'b mut self,
        ids: &[usize],
        mail: &mut ParsedMail,
        shown: impl Fn(&'b Body) -> Cow<'b, str>,
    ) -> Option<Cow<'b, str>> {
        let (mut loaded, mut length, mut cut) = (0, 0, false);
        for id in ids {
            // HTML is longer than its text.
            if loaded >= limits::BODIES || length > limits::BODY * 4 {
                cut = true;
                break;
            }
            let body = self.read.entry(*id).or_insert_with(|| Body::read(self.tree, *id, mail));
            length += body.text.len();
            loaded += 1;
        }
        let read: &'b Self = self;
        let mut joined = Cow::Borrowed("");
        for body in ids.iter().take(loaded).filter_map(|id| read.read.get(id)) {
            cut |= body.cut;
            let piece = shown(body);
            let between = usize::from(!joined.is_empty() && !piece.is_empty());
            let room = limits::BODY.saturating_sub(joined.len() + between);
            cut |= piece.len() > room;
            if joined.is_empty() {
                joined = cut_to(piece, room);
            } else if between > 0 && room > 0 {
                let joined = joined.to_mut();
                joined.push('\n');
                joined.push_str(truncate(&piece, room));
            }
        }
        if cut {
            mail.note(Note::BodyCut);
        }
        Some(joined).filter(|text| !text.trim().is_empty())
    }
}

fn cut_to(text: Cow<'_, str>, room: usize) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(truncate(text, room)),
        Cow::Owned(mut text) => {
            text.truncate(truncate(&text, room).len());
            Cow::Owned(text)
        }
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

    fn as_text(&self) -> Cow<'_, str> {
        if self.html {
            Cow::Owned(to_text::read(truncate(&self.text, limits::BODY)))
        } else {
            Cow::Borrowed(&self.text)
        }
    }

    fn as_html(&self) -> Cow<'_, str> {
        if self.html {
            Cow::Borrowed(&self.text)
        } else {
            Cow::Owned(to_text::dress(truncate(&self.text, limits::BODY)))
        }
    }
}

fn unflowed(text: String, content: &Content) -> String {
    let is = |name: &str, value: &str| content.params.get(name).is_some_and(|given| given.eq_ignore_ascii_case(value));
    if is("format", "flowed") { flowed::join(&text, is("delsp", "yes")) } else { text }
}
