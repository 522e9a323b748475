//! `value; name=value; …` of Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2231), as mailers write it.

use percent_encoding::percent_decode;

use super::words;
use crate::decode::charset;

/// A structured value: the value itself, lower case, and its parameters. Those are taken apart when they are asked for: of
/// most parts nobody asks.
#[derive(Debug, Default, Clone)]
pub(crate) struct Params {
    pub(crate) value: String,
    rest: Vec<u8>,
}

/// Parameters kept: a header may hold any number of them.
const MOST: usize = 200;

impl Params {
    pub(crate) fn read(header: &[u8]) -> Self {
        let line = words::unfold(header);
        let (value, rest) = item(&line, Comments::Dropped);
        Self { value: String::from_utf8_lossy(&value).trim().to_ascii_lowercase(), rest: rest.to_vec() }
    }

    /// The decoded value of a parameter: the extended form first, then continuations, then the plain one.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        if self.rest.is_empty() {
            return None;
        }
        let list = List::read(&self.rest);
        if let Some(extended) = list.raw(name, "*") {
            let (label, text) = labelled(extended);
            return Some(decode(&percent_decode(text).collect::<Vec<_>>(), label.as_deref()));
        }
        let continued = || list.continued(name);
        list.raw(name, "").map(|value| decode(value, None)).or_else(continued)
    }
}

/// Names in lower case with their `*`, raw values.
struct List(Vec<(String, Vec<u8>)>);

impl List {
    fn read(mut rest: &[u8]) -> Self {
        let mut params = Vec::new();
        while !rest.is_empty() && params.len() < MOST {
            let name_end = rest.iter().position(|byte| matches!(byte, b'=' | b';')).unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(name_end).unwrap_or((rest, &[]));
            let Some(after) = after.strip_prefix(b"=") else {
                rest = after.get(1..).unwrap_or_default();
                continue;
            };
            let (name, _) = item(name, Comments::Dropped);
            let name = String::from_utf8_lossy(&name).trim().to_ascii_lowercase();
            // `name=report (1).pdf` means it.
            let comments = if name.contains("name") { Comments::Kept } else { Comments::Dropped };
            let (value, after) = item(after, comments);
            params.push((name, value));
            rest = after;
        }
        Self(params)
    }

    /// The first parameter whose name is `name` and then `suffix`.
    fn raw(&self, name: &str, suffix: &str) -> Option<&[u8]> {
        let named = |given: &str| given.strip_prefix(name) == Some(suffix);
        self.0.iter().find(|(given, _)| named(given)).map(|(_, value)| value.as_slice())
    }

    /// `name*0*=charset'language'text; name*1*=text; name*2=text`: the charset of section 0 holds for all of them, and a
    /// character may be cut between two.
    fn continued(&self, name: &str) -> Option<String> {
        let mut sections: Vec<(usize, bool, &[u8])> = Vec::new();
        for (given, value) in &self.0 {
            let Some(number) = given.strip_prefix(name).and_then(|rest| rest.strip_prefix('*')) else { continue };
            let (number, extended) = number.strip_suffix('*').map_or((number, false), |number| (number, true));
            let canonical = number == "0" || !number.starts_with(['0', '+']);
            if let Ok(number) = number.parse()
                && canonical
            {
                sections.push((number, extended, value));
            }
        }
        sections.sort_by_key(|(number, extended, _)| (*number, *extended));
        sections.dedup_by_key(|(number, _, _)| *number);
        // The first may be missing; behind any other gap nothing belongs to it.
        let first = sections.first()?.0;
        let mut bytes = Vec::new();
        let mut charset = None;
        for (at, (number, extended, value)) in sections.into_iter().enumerate() {
            if first > 1 || number != first + at {
                break;
            }
            if !extended {
                bytes.extend_from_slice(value);
                continue;
            }
            let (label, text) = if number == 0 { labelled(value) } else { (None, value) };
            charset = charset.or(label);
            bytes.extend(percent_decode(text));
        }
        (!bytes.is_empty()).then(|| decode(&bytes, charset.as_deref()))
    }
}

/// `charset'language'text`
fn labelled(value: &[u8]) -> (Option<String>, &[u8]) {
    let mut parts = value.splitn(3, |byte| *byte == b'\'');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(charset), Some(_language), Some(text)) => {
            let charset = String::from_utf8_lossy(charset).into_owned();
            (Some(charset).filter(|charset| !charset.is_empty()), text)
        }
        _ => (None, value),
    }
}

fn decode(bytes: &[u8], label: Option<&str>) -> String {
    match label {
        Some(label) => charset::labelled(bytes, label),
        // Encoded words do not belong here, and are everywhere.
        None => words::decode(bytes, None),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Comments {
    Dropped,
    Kept,
}

/// Up to the next `;`: without quotes and comments. The second value is what stands behind the `;`.
fn item(text: &[u8], comments: Comments) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let (mut quoted, mut was_quoted, mut depth) = (false, false, 0_usize);
    let mut at = 0;
    while let Some(byte) = text.get(at).copied() {
        at += 1;
        match byte {
            // Only a quote and a backslash are escaped; others are paths of Windows.
            b'\\' if quoted && matches!(text.get(at), Some(b'"' | b'\\')) => {
                value.extend(text.get(at));
                at += 1;
            }
            b'"' if depth == 0 => {
                quoted = !quoted && text.get(at..).is_some_and(|rest| rest.contains(&b'"'));
                was_quoted = true;
                if quoted {
                    value = if value.trim_ascii().is_empty() { Vec::new() } else { value };
                }
            }
            _ if quoted => value.push(byte),
            b'(' if comments == Comments::Dropped => depth += 1,
            b')' if depth > 0 => depth -= 1,
            b';' if depth == 0 => return (trimmed(value, was_quoted), text.get(at..).unwrap_or_default()),
            _ if depth == 0 => value.push(byte),
            _ => {}
        }
    }
    (trimmed(value, was_quoted), &[])
}

fn trimmed(value: Vec<u8>, was_quoted: bool) -> Vec<u8> {
    if was_quoted { value } else { value.trim_ascii().to_vec() }
}

#[cfg(test)]
#[path = "params_tests.rs"]
mod tests;
