//! MAPI properties of a packed file: its long name, its type, its content id.

use super::{File, number, text};

const LONG_NAME: u16 = 0x3707;
const NAME: u16 = 0x3704;
const MEDIA_TYPE: u16 = 0x370E;
const CONTENT_ID: u16 = 0x3712;
const DATA: u16 = 0x3701;

/// Reads what is known; stops at the first property that cannot be read.
pub(super) fn read<'a>(stream: &'a [u8], code_page: Option<&str>, file: &mut File<'a>) {
    let mut rest = stream.get(4..).unwrap_or_default();
    while let Some((Property { kind, id, value }, after)) = property(rest) {
        rest = after;
        let Some(value) = value else { continue };
        let text = || if kind == 0x1F { utf16(value) } else { text(value, code_page) };
        match id {
            LONG_NAME => file.name = text().or(file.name.take()),
            NAME => file.name = file.name.take().or_else(text),
            CONTENT_ID => file.content_id = text().map(|id| id.trim_matches(['<', '>', ' ']).to_owned()),
            MEDIA_TYPE => {
                let named = text().map(|media| media.to_ascii_lowercase());
                file.media_type = named.filter(|media| is_media_type(media)).unwrap_or(file.media_type.clone());
            }
            // An object (an attached mail, a picture) stands behind the id of its interface.
            DATA if file.bytes.is_empty() => {
                file.bytes = if kind == 0x0D { value.get(16..).unwrap_or_default() } else { value };
            }
            _ => {}
        }
    }
}

/// A property: its type, its id, its first value where that has a length.
struct Property<'a> {
    kind: u16,
    id: u16,
    value: Option<&'a [u8]>,
}

/// The next property, and what follows.
fn property(stream: &[u8]) -> Option<(Property<'_>, &[u8])> {
    let kind = u16::from_le_bytes(stream.get(..2)?.try_into().ok()?);
    let id = u16::from_le_bytes(stream.get(2..4)?.try_into().ok()?);
    let mut rest = stream.get(4..)?;
    if id >= 0x8000 {
        rest = named(rest)?;
    }
    let (many, kind) = (kind & 0x1000 != 0, kind & 0x0FFF);
    let size: usize = match kind {
        0x02..=0x04 | 0x0A | 0x0B => 4,
        0x05..=0x07 | 0x14 | 0x40 => 8,
        0x48 => 16,
        0x0D | 0x1E | 0x1F | 0x102 => 0,
        _ => return None,
    };
    let counted = many || size == 0;
    let count = if counted { usize::try_from(number(rest)?).ok()? } else { 1 };
    rest = if counted { rest.get(4..)? } else { rest };
    if size > 0 {
        return Some((Property { kind, id, value: None }, rest.get(size.checked_mul(count)?..)?));
    }
    let mut first = None;
    for _ in 0..count {
        let length = usize::try_from(number(rest)?).ok()?;
        let value = rest.get(4..)?.get(..length)?;
        first = first.or(Some(value));
        rest = rest.get(4 + length.checked_next_multiple_of(4)?..).unwrap_or_default();
    }
    Some((Property { kind, id, value: first }, rest))
}

/// Behind the name of a named property.
fn named(stream: &[u8]) -> Option<&[u8]> {
    let rest = stream.get(16..)?;
    let value = usize::try_from(number(rest.get(4..)?)?).ok()?;
    match number(rest)? {
        0 => rest.get(8..),
        _ => rest.get(8..)?.get(value.checked_next_multiple_of(4)?..),
    }
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let units = bytes.chunks_exact(2).map(|pair| pair.iter().rev().fold(0, |unit, byte| unit << 8 | u16::from(*byte)));
    let text: String =
        char::decode_utf16(units.take_while(|unit| *unit != 0)).map(|c| c.unwrap_or('\u{FFFD}')).collect();
    (!text.is_empty()).then_some(text)
}

fn is_media_type(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+/".contains(c);
    text.len() <= 127 && text.matches('/').count() == 1 && text.chars().all(good)
}
