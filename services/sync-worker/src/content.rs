//! A fetched mail in the form its rows take: parsed, cut, compressed. No IO. The engine makes it, `store` writes it.

pub mod fetched;
pub mod invitation;
pub mod reading;
pub mod source;

use postrider_domain::text::without_nul;
use postrider_domain::{ConnectorId, EmailAddress, Timestamp};
use postrider_gmail::{MailMeta, RawMail, Weight};
use postrider_mail::{Note, PARSER_VERSION, Slice};
use serde::{Deserialize, Serialize};

use self::invitation::Invitation;
use self::source::Source;
use crate::rules::search::document::{Document, Found, document};

/// A person in a header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub name: String,
    pub email: String,
}

/// The recipients column.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipients {
    pub to: Vec<Person>,
    pub cc: Vec<Person>,
    pub bcc: Vec<Person>,
    pub reply_to: Vec<Person>,
}

/// What the columns of a mail hold.
#[derive(Debug, Clone, Default)]
pub struct Content {
    pub subject: String,
    pub sender: Person,
    /// JSON of [`Recipients`].
    pub recipients: String,
    /// JSON `[[name, value]]`.
    pub headers: String,
    pub text: Option<String>,
    pub html: Option<String>,
    pub has_attachments: bool,
    pub size_bytes: i64,
    pub rfc_message_id: String,
    pub origin: String,
    /// The `Date` header.
    pub date: Option<Timestamp>,
    pub parse_error: Option<String>,
    /// The parser that read it.
    pub parser_version: i16,
    /// JSON of [`Invitation`]. A column, as is `protection`: what tells them is anywhere in the source, and nobody reads
    /// 30 MB for each look at a mail that is no invitation.
    pub invitation: Option<String>,
    pub protection: Option<&'static str>,
    /// The sender's address as it is compared.
    pub sender_key: String,
    /// Its words, as the index takes them.
    pub search: Document,
    pub attachments: Vec<AttachmentMeta>,
}

/// What is known of a part that hangs on a mail.
#[derive(Debug, Clone, Default)]
pub struct AttachmentMeta {
    pub part_id: String,
    pub filename: String,
    pub content_type: String,
    pub size_bytes: i64,
    pub content_id: String,
    pub inline: bool,
    /// Where it stands in the source, if it can be cut from there.
    pub slice: Option<Slice>,
}

/// A mail with all that is written about it.
#[derive(Debug, Clone)]
pub struct Mail {
    pub meta: MailMeta,
    pub content: Content,
    pub source: Source,
    /// Its share of the process's memory, until it is stored.
    pub memory: Weight,
}

impl Mail {
    /// Parses and compresses; the raw bytes are let go of.
    pub fn read(mail: RawMail, account: ConnectorId) -> Self {
        let content = Content::read(&mail.raw, account);
        let source = Source::pack(&mail.raw);
        let meta = MailMeta {
            id: mail.id,
            thread_id: mail.thread_id,
            labels: mail.labels,
            history_id: mail.history_id,
            internal_date: mail.internal_date,
            snippet: without_nul(mail.snippet),
            size: mail.size,
        };
        Self { meta, content, source, memory: mail.weight }
    }

    /// When it came: Google's word, else the sender's, else now.
    pub fn received_at(&self, now: Timestamp) -> Timestamp {
        self.meta.internal_date.or(self.content.date.filter(|date| *date <= now)).unwrap_or(now)
    }

    /// What it weighs in a transaction, in bytes.
    pub fn weight(&self) -> usize {
        let body = |part: &Option<String>| part.as_ref().map_or(0, String::len);
        let words = self.content.search.as_bytes().len();
        self.source.weight() + words + self.content.headers.len() + body(&self.content.text) + body(&self.content.html)
    }
}

impl Content {
    /// Whether the parser failed, so that nothing was read.
    pub fn is_lost(&self) -> bool {
        self.parse_error
            .as_deref()
            .is_some_and(|notes| notes.split(',').any(|note| note == Note::ParserFailed.as_str()))
    }

    /// Reads the source; what cannot be read is left empty and named in `parse_error`, never refused.
    pub fn read(raw: &[u8], account: ConnectorId) -> Self {
        let mail = postrider_mail::parse(raw);
        let search = words(&mail, account);
        let has_attachments = mail.has_attachments();
        let recipients = Recipients {
            to: people(mail.to),
            cc: people(mail.cc),
            bcc: people(mail.bcc),
            reply_to: people(mail.reply_to),
        };
        let headers: Vec<(String, String)> =
            mail.headers.into_iter().map(|header| (header.name, header.value)).collect();
        let notes: Vec<&str> = mail.notes.iter().map(|note| note.as_str()).collect();
        let invitation = mail.invitation.map(|invitation| serde_json::to_string(&Invitation::from(invitation)));
        let sender = mail.from.map(person).unwrap_or_default();
        Self {
            sender_key: address_key(&sender.email),
            search,
            subject: mail.subject.unwrap_or_default(),
            sender,
            recipients: serde_json::to_string(&recipients).unwrap_or_else(|_| "{}".to_owned()),
            headers: serde_json::to_string(&headers).unwrap_or_else(|_| "[]".to_owned()),
            text: mail.text,
            html: mail.html,
            has_attachments,
            size_bytes: i64::try_from(raw.len()).unwrap_or(i64::MAX),
            rfc_message_id: mail.rfc_message_id.unwrap_or_default(),
            origin: mail.origin.unwrap_or_default(),
            date: mail.date,
            parse_error: (!notes.is_empty()).then(|| notes.join(",")),
            parser_version: PARSER_VERSION,
            invitation: invitation.and_then(Result::ok),
            protection: mail.protection.map(|protection| protection.as_str()),
            attachments: mail.attachments.into_iter().map(attachment).collect(),
        }
    }
}

/// An address as it is compared: rows and questions are folded alike. What is no address is compared in lower case.
pub fn address_key(address: &str) -> String {
    EmailAddress::parse(address).map_or_else(|_odd| address.trim().to_lowercase(), |address| address.lookup_key())
}

/// What of a mail is to be found.
fn words(mail: &postrider_mail::ParsedMail, account: ConnectorId) -> Document {
    let pair = |person: &'_ postrider_mail::Mailbox| (person.name.clone().unwrap_or_default(), person.address.clone());
    let from = mail.from.as_ref().map(pair).unwrap_or_default();
    let to: Vec<(String, String)> = mail.to.iter().chain(&mail.cc).chain(&mail.bcc).map(pair).collect();
    let to: Vec<(&str, &str)> = to.iter().map(|(name, address)| (name.as_str(), address.as_str())).collect();
    let files: Vec<&str> = mail.attachments.iter().map(|file| file.filename.as_str()).collect();
    document(
        account,
        &Found {
            subject: mail.subject.as_deref().unwrap_or_default(),
            from: (&from.0, &from.1),
            to: &to,
            text: mail.text.as_deref().unwrap_or_default(),
            files: &files,
        },
    )
}

fn person(mailbox: postrider_mail::Mailbox) -> Person {
    Person { name: mailbox.name.unwrap_or_default(), email: mailbox.address }
}

fn people(mailboxes: Vec<postrider_mail::Mailbox>) -> Vec<Person> {
    mailboxes.into_iter().map(person).collect()
}

fn attachment(part: postrider_mail::Attachment) -> AttachmentMeta {
    AttachmentMeta {
        part_id: part.part_id,
        filename: part.filename,
        content_type: part.content_type,
        size_bytes: i64::try_from(part.size).unwrap_or(i64::MAX),
        content_id: part.content_id.unwrap_or_default(),
        inline: part.inline,
        slice: part.slice,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_content_too() {
        let content = Content::read(b"\0\0\xff", ConnectorId(uuid::Uuid::nil()));
        assert_eq!(content.size_bytes, 3);
        assert!(!content.headers.contains('\0') && content.headers.starts_with('['));
    }
}
