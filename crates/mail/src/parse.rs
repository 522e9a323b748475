//! From the source to a [`ParsedMail`].

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::DateTime;
use mail_parser::{HeaderValue, Message, MessageParser, PartType};
use postrider_contracts::ORIGIN_HEADER;

use super::address::mailboxes;
use super::mail::{Note, ParsedMail};
use super::scan::scan;
use super::text::line;
use super::{attachment, body, encoded_words, headers, limits, tree};

/// Reads a mail. Never fails: what cannot be read is noted.
pub fn parse(raw: &[u8]) -> ParsedMail {
    // The parser promises not to panic, but it indexes into what strangers send; one mail must not stop the others.
    catch_unwind(AssertUnwindSafe(|| read(raw)))
        .unwrap_or_else(|_panic| ParsedMail { notes: vec![Note::ParserFailed], ..ParsedMail::default() })
}

/// The decoded bytes of an attachment; for an attached mail its source. None if the mail has no such part.
pub fn attachment_bytes(raw: &[u8], part_id: &str) -> Option<Vec<u8>> {
    let found = catch_unwind(AssertUnwindSafe(|| {
        let source = bounded(raw).source;
        let message = MessageParser::default().parse(source.as_ref())?;
        let id = tree::paths(&message).0.into_iter().find(|(_, path)| path == part_id).map(|(id, _)| id);
        let part = id.and_then(|id| message.part(id));
        let bytes = part.and_then(|part| match &part.body {
            PartType::Text(text) | PartType::Html(text) => Some(text.as_bytes().to_vec()),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => Some(bytes.to_vec()),
            PartType::Message(_) => {
                let range = usize::try_from(part.offset_body).ok()?..usize::try_from(part.offset_end).ok()?;
                source.get(range).map(<[u8]>::to_vec)
            }
            PartType::Multipart(_) => None,
        });
        dismantle(message);
        bytes
    }));
    found.unwrap_or(None)
}

fn read(raw: &[u8]) -> ParsedMail {
    let mut mail = ParsedMail::default();
    let Bounded { source, header_block, note } = bounded(raw);
    if let Some(note) = note {
        mail.note(note);
    }
    headers::read(source.get(..header_block).unwrap_or_default(), &mut mail);
    match MessageParser::default().parse(source.as_ref()) {
        Some(message) => {
            envelope(&message, &mut mail);
            body::read(&message, &mut mail);
            attachments(&message, &mut mail);
            dismantle(message);
        }
        None => mail.note(Note::Unreadable),
    }
    mail
}

/// The part of a source that can be taken apart at a bounded cost.
struct Bounded<'a> {
    source: Cow<'a, [u8]>,
    /// Length of its header block, with the empty line.
    header_block: usize,
    note: Option<Note>,
}

/// Bounds a source and joins split encoded words: the source itself for most honest mail.
fn bounded(raw: &[u8]) -> Bounded<'_> {
    let scan = scan(raw);
    let (block, rest) = raw.split_at_checked(scan.header_block).unwrap_or((raw, &[]));
    let body = if scan.simple { rest } else { &[] };
    if block.len() > limits::HEADER_BLOCK {
        let kept = whole_lines(block.get(..limits::HEADER_BLOCK).unwrap_or_default());
        let source = Cow::Owned([kept, b"\r\n", body].concat());
        return Bounded { source, header_block: kept.len() + 2, note: Some(Note::HeadersCut) };
    }
    let note = (!scan.simple).then_some(Note::TooComplex);
    match encoded_words::join(block) {
        Some(joined) => Bounded { header_block: joined.len(), source: Cow::Owned([&joined, body].concat()), note },
        None if scan.simple => Bounded { source: Cow::Borrowed(raw), header_block: block.len(), note: None },
        None => Bounded { source: Cow::Borrowed(block), header_block: block.len(), note },
    }
}

/// Everything up to and with the last line feed.
fn whole_lines(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.get(..end).unwrap_or_default()
}

fn envelope(message: &Message<'_>, mail: &mut ParsedMail) {
    mail.subject = message.subject().and_then(|subject| line(subject, limits::LINE));
    mail.from = mailboxes(message.from()).into_iter().next();
    mail.to = mailboxes(message.to());
    mail.cc = mailboxes(message.cc());
    mail.bcc = mailboxes(message.bcc());
    mail.reply_to = mailboxes(message.reply_to());
    mail.rfc_message_id = message.message_id().and_then(|id| line(id, limits::MESSAGE_ID));
    mail.in_reply_to = ids(message.in_reply_to()).into_iter().next();
    mail.references = ids(message.references());
    mail.date =
        message.date().filter(|date| date.is_valid()).and_then(|date| DateTime::from_timestamp(date.to_timestamp(), 0));
    let origin = mail.headers.iter().find(|header| header.name.eq_ignore_ascii_case(ORIGIN_HEADER));
    mail.origin = origin.and_then(|header| line(&header.value, limits::MESSAGE_ID));
}

fn ids(header: &HeaderValue<'_>) -> Vec<String> {
    let texts: Vec<&str> = match header {
        HeaderValue::Text(text) => vec![text.as_ref()],
        HeaderValue::TextList(texts) => texts.iter().map(Cow::as_ref).collect(),
        _ => Vec::new(),
    };
    // The newest references stand last and matter most.
    let skipped = texts.len().saturating_sub(limits::REFERENCES);
    texts.into_iter().skip(skipped).filter_map(|id| line(id, limits::MESSAGE_ID)).collect()
}

fn attachments(message: &Message<'_>, mail: &mut ParsedMail) {
    let (mut paths, too_deep) = tree::paths(message);
    if too_deep {
        mail.note(Note::NestedTooDeeply);
    }
    if message.parts.iter().any(|part| part.is_encoding_problem) {
        mail.note(Note::BadEncoding);
    }
    if message.attachments.len() > limits::ATTACHMENTS {
        mail.note(Note::AttachmentsCut);
    }
    for id in message.attachments.iter().take(limits::ATTACHMENTS) {
        if let (Some(part), Some(path)) = (message.part(*id), paths.remove(id)) {
            mail.attachments.push(attachment::describe(part, path));
        }
    }
}

/// Drops a mail level by level. Mails within mails nest as deep as their sender likes, and dropping them the ordinary
/// way takes a stack frame for each level.
fn dismantle(message: Message<'_>) {
    let mut open = vec![message];
    while let Some(mut message) = open.pop() {
        open.extend(message.parts.drain(..).filter_map(|part| match part.body {
            PartType::Message(inner) => Some(inner),
            _ => None,
        }));
    }
}
