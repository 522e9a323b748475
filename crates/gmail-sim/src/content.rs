//! Synthetic mails. A mail's bytes are a function of (mailbox seed, index, id): nothing of them is kept in memory.

mod build;
mod kind;
mod odd;
mod part;
mod words;

use std::borrow::Cow;
use std::sync::Arc;

pub use kind::Kind;

use crate::dice::Dice;
use crate::ids::MsgId;
use crate::mailbox::Source;

/// What the caller chose of a synthetic mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Note {
    pub from: Option<String>,
    pub to: Option<String>,
    pub subject: Option<String>,
    pub body: Option<String>,
    pub kind: Option<Kind>,
}

/// How large synthetic mails are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sizes {
    /// A few hundred bytes each: for tests that look at ids and labels.
    Small,
    /// Half below 5 KB, newsletters of 10 to 60 KB, one in twelve with attachments of up to 1 MB; 20 KB on average.
    #[default]
    Realistic,
}

/// Everything needed to write a mail's bytes. Cheap to clone; holds no lock.
#[derive(Debug, Clone)]
pub struct Letter {
    pub(crate) seed: u64,
    pub(crate) address: Arc<str>,
    pub(crate) sizes: Sizes,
    pub(crate) id: MsgId,
    pub(crate) thread: MsgId,
    /// Milliseconds since 1970.
    pub(crate) date: i64,
    pub(crate) outgoing: bool,
    pub(crate) source: Source,
}

/// A mail's bytes and Gmail's short text of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// RFC 5322 bytes, as `format=raw` gives them.
    pub raw: Arc<[u8]>,
    /// Up to 100 characters of the text, HTML-escaped as Gmail does.
    pub snippet: String,
}

impl Letter {
    /// Writes the mail: the same bytes each time.
    pub fn render(&self) -> Rendered {
        match &self.source {
            Source::Raw(raw) => Rendered { raw: raw.clone(), snippet: snippet_of(raw) },
            Source::Made { index, note } => {
                let mut dice = Dice::derive(self.seed, u64::from(*index));
                let kind = note.as_ref().and_then(|note| note.kind).unwrap_or_else(|| Kind::roll(&mut dice));
                let (raw, text) = build::mail(self, note.as_deref(), kind, &mut dice);
                Rendered { raw: raw.into(), snippet: snippet(&text) }
            }
        }
    }

    /// The MIME form a synthetic mail has; `None` for bytes that were given.
    pub fn kind(&self) -> Option<Kind> {
        match &self.source {
            Source::Raw(_) => None,
            Source::Made { index, note } => {
                let chosen = note.as_ref().and_then(|note| note.kind);
                Some(chosen.unwrap_or_else(|| Kind::roll(&mut Dice::derive(self.seed, u64::from(*index)))))
            }
        }
    }
}

fn snippet_of(raw: &[u8]) -> String {
    let parsed = mail_parser::MessageParser::default().parse(raw);
    let text = parsed.as_ref().and_then(|mail| mail.body_preview(200)).unwrap_or(Cow::Borrowed(""));
    snippet(&text)
}

/// White space folded, at most 100 characters, escaped.
fn snippet(text: &str) -> String {
    let mut out = String::with_capacity(128);
    let words = text.split_whitespace().flat_map(|word| std::iter::once(' ').chain(word.chars())).skip(1);
    for c in words.take(100) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\0' => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
