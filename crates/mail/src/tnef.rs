//! TNEF (`winmail.dat`): the files that Outlook packed into it ([MS-OXTNEF]).
//!
//! A stream of attributes; those of an attachment follow the one that begins it. All lengths come from the sender: each
//! piece is taken with `get`, and nothing is allocated by a number that was read.

use super::decode::charset;
use super::mime::content::Content;

mod properties;

const SIGNATURE: &[u8] = b"\x78\x9f\x3e\x22";

/// Attributes, as they stand in the stream.
const CODE_PAGE: u32 = 0x0006_9007;
const BEGIN: u32 = 0x0006_9002;
const TITLE: u32 = 0x0001_8010;
const DATA: u32 = 0x0006_800F;
const PROPERTIES: u32 = 0x0006_9005;

/// A file in the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File<'a> {
    pub(crate) name: Option<String>,
    pub(crate) media_type: String,
    pub(crate) content_id: Option<String>,
    pub(crate) bytes: &'a [u8],
}

/// Whether a part is such a package, by its type or its name, and by its first bytes.
pub(crate) fn is_tnef(content: &Content, bytes: &[u8]) -> bool {
    bytes.starts_with(SIGNATURE)
        && (matches!(content.media_type.as_str(), "application/ms-tnef" | "application/vnd.ms-tnef")
            || content.filename().is_some_and(|name| name.eq_ignore_ascii_case("winmail.dat")))
}

/// The files of a package, as far as it can be read; None if it is none.
pub(crate) fn open(package: &[u8]) -> Option<Vec<File<'_>>> {
    let mut rest = package.strip_prefix(SIGNATURE)?.get(2..)?;
    let mut files: Vec<File<'_>> = Vec::new();
    let mut code_page = None;
    while let Some((id, data, after)) = attribute(rest) {
        rest = after;
        match (id, files.last_mut()) {
            (CODE_PAGE, _) => code_page = number(data).map(|page| format!("windows-{page}")),
            (BEGIN, _) => {
                let media_type = "application/octet-stream".to_owned();
                files.push(File { name: None, media_type, content_id: None, bytes: &[] });
            }
            (TITLE, Some(file)) => file.name = file.name.take().or_else(|| text(data, code_page.as_deref())),
            (DATA, Some(file)) => file.bytes = data,
            (PROPERTIES, Some(file)) => properties::read(data, code_page.as_deref(), file),
            _ => {}
        }
        if files.len() > crate::limits::ATTACHMENTS {
            break;
        }
    }
    files.retain(|file| !file.bytes.is_empty() || file.name.is_some());
    Some(files)
}

/// The next attribute: its id, its data, and what follows. An attribute that is cut is the last.
fn attribute(stream: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let id = number(stream.get(1..5)?)?;
    let length = usize::try_from(number(stream.get(5..9)?)?).ok()?;
    let data = stream.get(9..)?.get(..length)?;
    // A checksum of two bytes, which nobody keeps right.
    Some((id, data, stream.get(9 + length + 2..).unwrap_or_default()))
}

fn number(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?))
}

/// Text up to its NUL; None if it is empty.
fn text(bytes: &[u8], code_page: Option<&str>) -> Option<String> {
    let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    (!bytes.is_empty()).then(|| charset::unlabelled(bytes, code_page))
}

#[cfg(test)]
#[path = "tnef_tests.rs"]
mod tests;
