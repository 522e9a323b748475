//! What is known of an attachment without its bytes.

use super::decode::transfer;
use super::mail::{Note, ParsedMail};
use super::mime::content::{Content, Disposition};
use super::mime::tree::Tree;
use super::slice::Slice;
use super::text::line;
use super::{filename, limits, tnef};

/// One attachment. Its bytes are in the mail's source: [`super::attachment_bytes`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Where the part stands in the mail, as `1.0`; stable for a mail's source. Gmail's attachment ids change between gets.
    /// What was packed into a `winmail.dat` at `1` is `1.0`, `1.1` and so on.
    pub part_id: String,
    /// Safe to show and to save under; made up where the mail gives none. Not unique in a mail.
    pub filename: String,
    /// Lower case, without parameters; as the mail claims.
    pub content_type: String,
    /// Size of the decoded bytes; for an attached mail that of its source.
    pub size: u64,
    /// Without angle brackets; what `cid:` in the HTML refers to.
    pub content_id: Option<String>,
    /// Meant to be shown within the text rather than as a file.
    pub inline: bool,
    /// Where it stands in the source, if it can be cut from there.
    pub slice: Option<Slice>,
}

/// Reads the metadata of files into `mail`, up to the limit.
pub(super) fn read(tree: &Tree<'_>, files: &[usize], mail: &mut ParsedMail) {
    for id in files {
        if mail.attachments.len() >= limits::ATTACHMENTS {
            mail.note(Note::AttachmentsCut);
            return;
        }
        let content = tree.content(*id);
        let raw = tree.part(*id).map(|part| part.body).unwrap_or_default();
        let decoded = transfer::decode(raw, content.encoding);
        if decoded.broken {
            mail.note(Note::BadEncoding);
        }
        let packed = tnef::is_tnef(&content, &decoded.bytes).then(|| tnef::open(&decoded.bytes)).flatten();
        match packed.filter(|packed| !packed.is_empty()) {
            Some(packed) => unpack(&tree.path(*id), &packed, mail),
            None => {
                let begin = tree.part(*id).map_or(0, |part| part.begin);
                let slice = Slice::of(begin, raw, content.encoding);
                let attachment = describe(&content, tree.path(*id), size(&decoded.bytes));
                mail.attachments.push(Attachment { slice, ..attachment });
            }
        }
    }
}

/// The decoded bytes of the part at a path, never transcoded.
pub(super) fn bytes(tree: &Tree<'_>, path: &str) -> Option<Vec<u8>> {
    let decoded = |id: usize| Some(transfer::decode(tree.part(id)?.body, tree.content(id).encoding).bytes.into_owned());
    if let Some(id) = tree.find(path) {
        let divided = tree.parts.iter().any(|part| part.is_in(id));
        return if divided { None } else { decoded(id) };
    }
    let (outer, place) = path.rsplit_once('.')?;
    let at: usize = place.parse().ok()?;
    let package = decoded(tree.find(outer)?)?;
    let file = tnef::open(&package)?.into_iter().nth(at)?;
    (at.to_string() == place).then(|| file.bytes.to_vec())
}

fn describe(content: &Content, part_id: String, size: u64) -> Attachment {
    let named = content.filename().and_then(|name| filename::clean(&name));
    let filename = named.unwrap_or_else(|| filename::fallback(&content.media_type).to_owned());
    let content_id = content.id.as_deref().and_then(|id| line(id, limits::MESSAGE_ID));
    let inline = match content.disposition {
        Disposition::Inline => true,
        Disposition::Attachment => false,
        Disposition::Unsaid => content_id.is_some() || is_other_form(&content.media_type),
    };
    Attachment { part_id, filename, content_type: content.media_type.clone(), size, content_id, inline, slice: None }
}

/// The mail itself once more, for readers that know the form.
pub(super) fn is_other_form(media_type: &str) -> bool {
    matches!(media_type, "text/x-amp-html" | "text/watch-html" | "text/enriched")
}

fn unpack(path: &str, packed: &[tnef::File<'_>], mail: &mut ParsedMail) {
    for (at, file) in packed.iter().enumerate() {
        if mail.attachments.len() >= limits::ATTACHMENTS {
            mail.note(Note::AttachmentsCut);
            return;
        }
        let named = file.name.as_deref().and_then(filename::clean);
        mail.attachments.push(Attachment {
            part_id: format!("{path}.{at}"),
            filename: named.unwrap_or_else(|| filename::fallback(&file.media_type).to_owned()),
            content_type: file.media_type.clone(),
            size: size(file.bytes),
            content_id: file.content_id.as_deref().and_then(|id| line(id, limits::MESSAGE_ID)),
            inline: file.content_id.is_some(),
            slice: None,
        });
    }
}

fn size(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
