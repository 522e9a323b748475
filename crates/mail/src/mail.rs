//! The parsed mail.

use postrider_domain::Timestamp;

use super::attachment::is_other_form;
use super::{Attachment, Header, Invitation, Mailbox, Protection};

/// What a mail says. All texts are free of NULs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedMail {
    /// All headers in their order, decoded; duplicates stay.
    pub headers: Vec<Header>,
    pub subject: Option<String>,
    /// The first author.
    pub from: Option<Mailbox>,
    pub to: Vec<Mailbox>,
    pub cc: Vec<Mailbox>,
    pub bcc: Vec<Mailbox>,
    pub reply_to: Vec<Mailbox>,
    /// `Message-ID` without angle brackets. Neither unique nor always there.
    pub rfc_message_id: Option<String>,
    pub in_reply_to: Option<String>,
    /// Message ids this mail refers to, oldest first.
    pub references: Vec<String>,
    /// The `Date` header. The inbox is ordered by Gmail's internal date instead.
    pub date: Option<Timestamp>,
    /// The text to read and to search, made from the HTML where the mail has no text of its own.
    pub text: Option<String>,
    /// Sanitised: nothing runs, nothing is loaded from elsewhere. Its images refer to attachments by `cid:`.
    pub html: Option<String>,
    pub attachments: Vec<Attachment>,
    /// The gist of the first calendar part.
    pub invitation: Option<Invitation>,
    /// Whether the mail is signed or encrypted; it is kept as it is.
    pub protection: Option<Protection>,
    /// The value of `X-Postrider-Origin` as it came. Anybody may write it: only its signature tells whether the mail is
    /// one of ours.
    pub origin: Option<String>,
    /// What could not be read or was left out.
    pub notes: Vec<Note>,
}

impl ParsedMail {
    /// Whether the mail has files attached, other than what its HTML shows and other forms of the mail itself.
    pub fn has_attachments(&self) -> bool {
        self.attachments.iter().any(|attachment| !attachment.inline || !self.shows(attachment))
    }

    fn shows(&self, attachment: &Attachment) -> bool {
        let shown = |id: &String| self.html.as_deref().is_some_and(|html| html.contains(&format!("cid:{id}")));
        attachment.content_id.as_ref().is_some_and(shown) || is_other_form(&attachment.content_type)
    }

    pub(super) fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }
}

/// Why a [`ParsedMail`] is not the whole mail. The source is kept, so that a later version can read it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Note {
    /// There was nothing that could be read as a mail.
    Unreadable,
    /// The parser failed on it.
    ParserFailed,
    /// Too many parts or lines to be taken apart: parts beyond the limit were left out.
    TooComplex,
    /// Parts nested too deeply were left out.
    NestedTooDeeply,
    /// Headers were left out or cut.
    HeadersCut,
    /// Text or HTML was cut.
    BodyCut,
    /// The HTML was nested too deeply to be shown.
    HtmlTooDeep,
    /// Attachments were left out.
    AttachmentsCut,
    /// A part's encoding was wrong; its content is what could be saved.
    BadEncoding,
}

impl Note {
    /// A stable word for rows and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::ParserFailed => "parser_failed",
            Self::TooComplex => "too_complex",
            Self::NestedTooDeeply => "nested_too_deeply",
            Self::HeadersCut => "headers_cut",
            Self::BodyCut => "body_cut",
            Self::HtmlTooDeep => "html_too_deep",
            Self::AttachmentsCut => "attachments_cut",
            Self::BadEncoding => "bad_encoding",
        }
    }
}
