//! Text and HTML of a mail.

use mail_parser::decoders::html::{html_to_text, text_to_html};
use mail_parser::{Message, PartType};
use postrider_domain::text::truncate;

use super::mail::{Note, ParsedMail};
use super::text::clean;
use super::{html, limits};

/// Reads the bodies that a reader would see into `mail`.
pub(super) fn read(message: &Message<'_>, mail: &mut ParsedMail) {
    let mut text = Joined::default();
    for part in message.text_body.iter().filter_map(|id| message.part(*id)) {
        match &part.body {
            PartType::Text(plain) => text.add(plain),
            PartType::Html(html) => text.add(&html_to_text(truncate(html, limits::BODY))),
            _ => {}
        }
    }
    let bodies: Vec<_> = message.html_body.iter().filter_map(|id| message.part(*id)).collect();
    let mut html = Joined::default();
    // Without a part of HTML the text alone is the mail; there is nothing to be gained from dressing it up.
    if bodies.iter().any(|part| matches!(part.body, PartType::Html(_))) {
        for part in bodies {
            match &part.body {
                PartType::Text(plain) => html.add(&text_to_html(truncate(plain, limits::BODY))),
                PartType::Html(source) => html.add(source),
                _ => {}
            }
        }
    }
    if text.cut || html.cut {
        mail.note(Note::BodyCut);
    }
    mail.text = text.take();
    if let Some(source) = html.take() {
        mail.html = html::sanitise(&source).map(|html| clean(&html, 2 * limits::BODY));
        if mail.html.is_none() {
            mail.note(Note::HtmlTooDeep);
        }
    }
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

    fn take(self) -> Option<String> {
        let text = clean(&self.text, limits::BODY);
        (!text.trim().is_empty()).then_some(text)
    }
}
