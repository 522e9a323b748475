//! `value; name=value; …` of Content-Type and Content-Disposition (RFC 2045 §5.1, RFC 2231), as mailers write it.

use percent_encoding::percent_decode;

use super::words;
use crate::decode::charset;

/// A structured value taken apart: the value itself, lower case, and its parameters.
#[derive(Debug, Default, Clone)]
pub(crate) struct Params {
    pub(crate) value: String,
    /// Names in lower case with their `*`, raw values.
    params: Vec<(String, Vec<u8>)>,
}

/// Parameters kept: a header may hold any number of them.
const MOST: usize = 200;

impl Params {
    pub(crate) fn read(header: &[u8]) -> Self {
        let line = words::unfold(header);
        let (value, mut rest) = item(&line, Comments::Dropped);
        let value = String::from_utf8_lossy(&value).trim().to_ascii_lowercase();
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
        Self { value, params }
    }

    fn raw(&self, name: &str) -> Option<&[u8]> {
        self.params.iter().find(|(given, _)| given == name).map(|(_, value)| value.as_slice())
    }

    /// The decoded value of a parameter: the extended form first, then continuations, then the plain one.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        if let Some(extended) = self.raw(&format!("{name}*")) {
            let (label, text) = labelled(extended);
            return Some(decode(&percent_decode(text).collect::<Vec<_>>(), label.as_deref()));
        }
        let continued = || self.continued(name);
        self.raw(name).map(|value| decode(value, None)).or_else(continued)
    }

    /// `name*0*=charset'language'text; name*1*=text; name*2=text`: the charset of section 0 holds for all of them, and a
    /// character may be cut between two.
    fn continued(&self, name: &str) -> Option<String> {
        let mut bytes = Vec::new();
        let mut charset = None;
        for section in 0..MOST {
            if let Some(plain) = self.raw(&format!("{name}*{section}")) {
                bytes.extend_from_slice(plain);
            } else if let Some(extended) = self.raw(&format!("{name}*{section}*")) {
                let (label, text) = if section == 0 { labelled(extended) } else { (None, extended) };
                charset = charset.or(label);
                bytes.extend(percent_decode(text));
            } else if section > 0 {
                break;
            }
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
