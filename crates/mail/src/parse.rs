//! From the source to a [`ParsedMail`].

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use memchr::memchr;
use postrider_contracts::ORIGIN_HEADER;

use super::decode::{charset, transfer};
use super::header::block::Block;
use super::header::{address, date, ids, list, words};
use super::html::View;
use super::mail::{Note, ParsedMail};
use super::mime::select::{Selection, select};
use super::mime::tree::Tree;
use super::text::line;
use super::{Mailbox, attachment, body, calendar, limits, protection};

/// What [`parse`] can do. It grows with each change that reads mails otherwise: rows with a smaller number are worth
/// reading again from their source.
pub const PARSER_VERSION: i16 = 4;

/// Reads a mail. Never fails: what cannot be read is noted.
pub fn parse(raw: &[u8]) -> ParsedMail {
    // Nothing here is known to panic, but strangers send what it works on; one mail must not stop the others.
    catch_unwind(AssertUnwindSafe(|| read(raw)))
        .unwrap_or_else(|_panic| ParsedMail { notes: vec![Note::ParserFailed], ..ParsedMail::default() })
}

/// The decoded bytes of an attachment, never transcoded; for an attached mail its source. None if the mail has no such part.
pub fn attachment_bytes(raw: &[u8], part_id: &str) -> Option<Vec<u8>> {
    catch_unwind(AssertUnwindSafe(|| attachment::bytes(&Tree::read(&with_line_feeds(raw)), part_id))).unwrap_or(None)
}

/// The mail's HTML made harmless as `view` says; None if it has none, or if that nests too deeply to be shown.
pub fn shown_html(raw: &[u8], view: &View<'_>) -> Option<String> {
    let shown = || {
        let source = with_line_feeds(raw);
        let tree = Tree::read(&source);
        body::shown(&tree, &select(&tree), view)
    };
    catch_unwind(AssertUnwindSafe(shown)).unwrap_or(None)
}

fn read(raw: &[u8]) -> ParsedMail {
    let mut mail = ParsedMail::default();
    if raw.is_empty() {
        mail.note(Note::Unreadable);
        return mail;
    }
    let source = with_line_feeds(raw);
    let tree = Tree::read(&source);
    if tree.too_many {
        mail.note(Note::TooComplex);
    }
    if tree.parts.iter().any(|part| part.too_deep) {
        mail.note(Note::NestedTooDeeply);
    }
    let header = tree.part(0).map(|part| part.header).unwrap_or_default();
    let charset = tree.content(0).charset();
    envelope(&Block::read(header), charset.as_deref(), &mut mail);
    let selection = select(&tree);
    body::read(&tree, &selection, &mut mail);
    attachment::read(&tree, &selection.files, &mut mail);
    if matches!(source, Cow::Owned(_)) {
        // Their line ends are made of the source's: nothing can be cut from it as it is.
        mail.attachments.iter_mut().for_each(|attachment| attachment.slice = None);
    }
    mail.invitation = invitation(&tree, &selection);
    mail.protection = protection::of(&tree, mail.text.as_deref());
    mail
}

/// Mails of old Macs end their lines with a carriage return alone.
fn with_line_feeds(raw: &[u8]) -> Cow<'_, [u8]> {
    if memchr(b'\n', raw).is_some() || memchr(b'\r', raw).is_none() {
        return Cow::Borrowed(raw);
    }
    Cow::Owned(raw.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }).collect())
}

/// The first Subject, From and Date count, as Gmail shows them; recipients of all headers are recipients.
fn envelope(block: &Block<'_>, charset: Option<&str>, mail: &mut ParsedMail) {
    let people = |name: &str| -> Vec<Mailbox> {
        let each = block.all(name).flat_map(|value| address::mailboxes(value, charset));
        each.take(limits::ADDRESSES).collect()
    };
    let bounded = |value: &[u8]| value.get(..limits::HEADER_VALUE * 4).unwrap_or(value).to_vec();
    mail.subject =
        block.first("subject").and_then(|value| line(&words::decode(&bounded(value), charset), limits::LINE));
    mail.from = people("from").into_iter().next().or_else(|| people("sender").into_iter().next());
    mail.to = people("to");
    mail.cc = people("cc");
    mail.bcc = people("bcc");
    mail.reply_to = people("reply-to");
    mail.rfc_message_id = block.first("message-id").and_then(ids::first);
    mail.in_reply_to = block.first("in-reply-to").and_then(ids::first);
    mail.references = block.first("references").map(|value| ids::last(value, limits::REFERENCES)).unwrap_or_default();
    mail.date = block.all("date").find_map(date::read);
    mail.origin = block.first(ORIGIN_HEADER).and_then(|value| line(&words::decode(value, charset), limits::MESSAGE_ID));
    list::read(block, charset, mail);
}

/// The first invitation among the files.
fn invitation(tree: &Tree<'_>, selection: &Selection) -> Option<super::Invitation> {
    let looked_at = selection.files.iter().take(limits::ATTACHMENTS);
    looked_at.map(|id| (*id, tree.content(*id))).find(|(_, content)| content.is("text/calendar")).and_then(
        |(id, content)| {
            let raw = tree.part(id)?.body;
            let decoded = transfer::decode(raw.get(..limits::BODY).unwrap_or(raw), content.encoding);
            let text = charset::text(&decoded.bytes, content.charset().as_deref().or(Some("utf-8")), false);
            calendar::read(&text, &tree.path(id), content.params.get("method").filter(|method| !method.is_empty()))
        },
    )
}
