//! `format=full` and `format=metadata`: a mail's bytes as Gmail's tree of parts.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use mail_parser::{Message, MessageParser, MessagePart, MimeHeaders, PartType};
use serde_json::{Map, Value, json};

/// Bodies up to this size stand in `body.data` unless they have a file name.
const INLINE: usize = 1 << 20;

/// The tree of parts. `nonce` goes into attachment ids, which Gmail changes from get to get.
pub(crate) fn full(raw: &[u8], nonce: u64) -> Value {
    match MessageParser::default().parse(raw) {
        Some(mail) => Tree { mail: &mail, nonce }.part(0, String::new(), 0),
        None => json!({"partId": "", "mimeType": "text/plain", "filename": "", "headers": [], "body": {"size": 0}}),
    }
}

/// Headers of the top part only; all of them, or those named.
pub(crate) fn metadata(raw: &[u8], wanted: &[String]) -> Value {
    let parsed = MessageParser::default().parse_headers(raw);
    let Some(mail) = parsed else { return json!({"headers": []}) };
    let named = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(name));
    let headers: Vec<Value> = headers(&mail, 0).into_iter().filter(|(name, _)| named(name)).map(pair).collect();
    let mime = mail.parts.first().map_or_else(|| "text/plain".to_owned(), |part| mime_of(part));
    json!({"mimeType": mime, "headers": headers})
}

/// The decoded bytes of the attachment an id stands for.
pub(crate) fn attachment(raw: &[u8], id: &str) -> Option<Vec<u8>> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(id.strip_prefix("ANGjdJ")?).ok()?).ok()?;
    let at: usize = text.split(':').next()?.parse().ok()?;
    let mail = MessageParser::default().parse(raw)?;
    mail.parts.get(at).map(contents)
}

struct Tree<'a> {
    mail: &'a Message<'a>,
    nonce: u64,
}

impl Tree<'_> {
    fn part(&self, at: usize, id: String, depth: usize) -> Value {
        let Some(part) = self.mail.parts.get(at) else { return Value::Null };
        let name = part.attachment_name().unwrap_or("");
        let mut body = Map::new();
        body.insert("partId".to_owned(), json!(id));
        body.insert("mimeType".to_owned(), json!(mime_of(part)));
        body.insert("filename".to_owned(), json!(name));
        body.insert("headers".to_owned(), headers(self.mail, at).into_iter().map(pair).collect());
        match &part.body {
            // Deeper trees than this are cut, as Gmail cuts them.
            PartType::Multipart(children) if depth < 100 => {
                body.insert("body".to_owned(), json!({"size": 0}));
                let child = |(n, child): (usize, &u32)| {
                    let id = if id.is_empty() { n.to_string() } else { format!("{id}.{n}") };
                    self.part(usize::try_from(*child).unwrap_or(usize::MAX), id, depth + 1)
                };
                body.insert("parts".to_owned(), children.iter().enumerate().map(child).collect());
            }
            _ => {
                let bytes = contents(part);
                let external = !name.is_empty() || part.content_id().is_some() || bytes.len() > INLINE;
                let content = if external && !bytes.is_empty() {
                    let id = URL_SAFE_NO_PAD.encode(format!("{at}:{:x}", self.nonce));
                    json!({"attachmentId": format!("ANGjdJ{id}"), "size": bytes.len()})
                } else {
                    json!({"size": bytes.len(), "data": URL_SAFE.encode(&bytes)})
                };
                body.insert("body".to_owned(), content);
            }
        }
        Value::Object(body)
    }
}

/// Text is given in UTF-8 whatever its charset was, as Gmail does.
fn contents(part: &MessagePart<'_>) -> Vec<u8> {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.as_bytes().to_vec(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.to_vec(),
        PartType::Message(inner) => inner.raw_message.to_vec(),
        PartType::Multipart(_) => Vec::new(),
    }
}

fn mime_of(part: &MessagePart<'_>) -> String {
    match part.content_type() {
        Some(kind) => format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("octet-stream")).to_lowercase(),
        None => "text/plain".to_owned(),
    }
}

fn headers(mail: &Message<'_>, at: usize) -> Vec<(String, String)> {
    let Some(part) = mail.parts.get(at) else { return Vec::new() };
    let value = |header: &mail_parser::Header<'_>| {
        let (from, to) = (usize::try_from(header.offset_start).ok()?, usize::try_from(header.offset_end).ok()?);
        let bytes = mail.raw_message.get(from..to)?;
        let folded = String::from_utf8_lossy(bytes).replace("\r\n", "");
        Some((header.name.as_str().to_owned(), folded.trim().to_owned()))
    };
    part.headers.iter().filter_map(value).collect()
}

fn pair((name, value): (String, String)) -> Value {
    json!({"name": name, "value": value})
}
