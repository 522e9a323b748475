//! Tells what the crate reads in each mail of a folder, one JSON object a line, for comparison with other parsers:
//! `describe <folder>`. Names are those that `differential/compare.py` knows.

use std::io::{self, Write};
use std::path::PathBuf;

use postrider_mail::{Mailbox, attachment_bytes, parse};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn main() -> io::Result<()> {
    let folder = std::env::args().nth(1).map(PathBuf::from).ok_or_else(|| io::Error::other("which folder?"))?;
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    files.sort();
    let mut out = io::stdout().lock();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        writeln!(out, "{}", described(&name, &std::fs::read(&file)?))?;
    }
    Ok(())
}

fn described(name: &str, raw: &[u8]) -> Value {
    let mail = parse(raw);
    let address = |mailbox: &Mailbox| json!([mailbox.name, mailbox.address]);
    let addresses = |mailboxes: &[Mailbox]| mailboxes.iter().map(address).collect::<Vec<_>>();
    let attachments = mail.attachments.iter().map(|attachment| {
        let bytes = attachment_bytes(raw, &attachment.part_id).unwrap_or_default();
        let hash: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        json!({"name": attachment.filename, "type": attachment.content_type, "size": attachment.size, "sha256": hash,
               "part": attachment.part_id, "inline": attachment.inline, "id": attachment.content_id})
    });
    json!({
        "file": name,
        "subject": mail.subject,
        "from": mail.from.as_ref().map(address),
        "to": addresses(&mail.to),
        "cc": addresses(&mail.cc),
        "date": mail.date.map(|date| date.timestamp()),
        "text": mail.text,
        "html": mail.html.is_some(),
        "attachments": attachments.collect::<Vec<_>>(),
        "notes": mail.notes.iter().map(|note| note.as_str()).collect::<Vec<_>>(),
    })
}
