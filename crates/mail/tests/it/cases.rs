//! Faults that users of other programs reported, one small mail each: `cases.json` says what is right.

use std::path::Path;

use postrider_mail::{ParsedMail, attachment_bytes, parse};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases")
}

fn strings<'a>(expected: &'a Value, name: &str) -> impl Iterator<Item = &'a str> {
    expected[name].as_array().into_iter().flatten().map(|text| text.as_str().unwrap())
}

/// HTML without its tags.
fn bare(html: &str) -> String {
    html.split('<').map(|piece| piece.split_once('>').map_or(piece, |(_, text)| text)).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn check_attachments(id: &str, raw: &[u8], mail: &ParsedMail, expected: &Value) {
    let wanted = expected["attachments"].as_array().unwrap();
    if expected["attachments_exact"] != Value::Bool(false) {
        assert_eq!(mail.attachments.len(), wanted.len(), "{id}: {:?}", mail.attachments);
    }
    for wanted in wanted {
        let name = wanted["filename"].as_str().unwrap();
        let found = mail.attachments.iter().find(|attachment| attachment.filename == name);
        let found = found.unwrap_or_else(|| panic!("{id}: no {name} in {:?}", mail.attachments));
        let bytes = attachment_bytes(raw, &found.part_id).unwrap();
        assert_eq!(Some(found.content_type.as_str()), wanted["content_type"].as_str(), "{id}: {name}");
        assert_eq!(found.size, bytes.len() as u64, "{id}: {name}");
        if let Some(size) = wanted["size"].as_u64() {
            assert_eq!(found.size, size, "{id}: {name}");
        }
        if let Some(sha256) = wanted["sha256"].as_str() {
            assert_eq!(hex(&Sha256::digest(&bytes)), sha256, "{id}: {name}");
        }
        if let Some(content_id) = wanted["content_id"].as_str() {
            assert_eq!(found.content_id.as_deref(), Some(content_id), "{id}: {name}");
        }
        if let Some(inline) = wanted["inline"].as_bool() {
            assert_eq!(found.inline, inline, "{id}: {name}");
        }
    }
}

#[test]
fn reported_mails_are_shown_right() {
    let cases: Value = serde_json::from_slice(&std::fs::read(folder().join("cases.json")).unwrap()).unwrap();
    assert_eq!(cases.as_array().unwrap().len(), 9);
    for case in cases.as_array().unwrap() {
        let (id, expected) = (case["id"].as_str().unwrap(), &case["expect"]);
        let raw = std::fs::read(folder().join(case["eml"].as_str().unwrap())).unwrap();
        let mail = parse(&raw);
        assert_eq!(mail.subject.as_deref(), expected["subject"].as_str(), "{id}");
        let from = mail.from.clone().unwrap();
        assert_eq!(from.name.as_deref(), expected["from_name"].as_str(), "{id}");
        assert_eq!(Some(from.address.as_str()), expected["from_email"].as_str(), "{id}");
        let (text, html) = (mail.text.clone().unwrap_or_default(), mail.html.clone().unwrap_or_default());
        for part in strings(expected, "text_contains") {
            assert!(text.contains(part) || bare(&html).contains(part), "{id}: no {part:?} in {text:?}");
        }
        for part in strings(expected, "text_not_contains") {
            assert!(!text.contains(part), "{id}: {part:?} in {text:?}");
        }
        for part in strings(expected, "html_contains") {
            assert!(html.contains(part), "{id}: no {part:?} in {html:?}");
        }
        for part in strings(expected, "html_not_contains") {
            assert!(!html.contains(part), "{id}: {part:?} in {html:?}");
        }
        check_attachments(id, &raw, &mail, expected);
    }
}
