//! A fetched mail in the form its rows take: parsed, cut, compressed. No IO.

use bytes::Bytes;
use domain::text::{truncate, without_nul};
use google::gmail::{MailMeta, RawMail};

use crate::store::summaries::{Person, Recipients};

/// zstd level of raw sources: above 3, time grows faster than space shrinks.
const ZSTD_LEVEL: i32 = 3;
/// Sources below this are stored as they are.
const COMPRESS_FROM: usize = 256;
/// Longest text of one part kept in columns, in bytes; the source keeps all of it.
const BODY_MAX: usize = 4 << 20;
/// Longest JSON of all headers.
const HEADERS_MAX: usize = 256 << 10;

/// What the columns of a mail hold.
#[derive(Debug, Clone, Default)]
pub struct Content {
    pub subject: String,
    pub sender: Person,
    /// JSON of [`Recipients`].
    pub recipients: String,
    /// JSON `[[name, value]]`.
    pub headers: String,
    pub text: Option<String>,
    pub html: Option<String>,
    pub has_attachments: bool,
    pub size_bytes: i64,
    pub rfc_message_id: String,
    pub origin: String,
    pub parse_error: Option<String>,
    pub attachments: Vec<AttachmentMeta>,
}

/// What is known of a part that hangs on a mail.
#[derive(Debug, Clone, Default)]
pub struct AttachmentMeta {
    pub part_id: String,
    pub filename: String,
    pub content_type: String,
    pub size_bytes: i64,
    pub content_id: String,
    pub inline: bool,
}

/// A source as it is stored.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// 0 = as is, 1 = zstd.
    pub codec: i16,
    pub size_bytes: i64,
    pub bytes: Vec<u8>,
}

/// A mail with all that is written about it.
#[derive(Debug, Clone)]
pub struct Fetched {
    pub meta: MailMeta,
    pub content: Content,
    pub source: Source,
}

impl Fetched {
    /// Parses and compresses; the raw bytes are let go of.
    pub fn read(mail: RawMail) -> Self {
        let content = Content::read(&mail.raw);
        let source = Source::pack(&mail.raw);
        let meta = MailMeta {
            id: mail.id,
            thread_id: mail.thread_id,
            labels: mail.labels,
            history_id: mail.history_id,
            internal_date: mail.internal_date,
            snippet: without_nul(mail.snippet),
            size: mail.size,
        };
        Self { meta, content, source }
    }

    /// What it weighs in a transaction, in bytes.
    pub fn weight(&self) -> usize {
        let body = |part: &Option<String>| part.as_ref().map_or(0, String::len);
        self.source.bytes.len() + self.content.headers.len() + body(&self.content.text) + body(&self.content.html)
    }
}

impl Source {
    fn pack(raw: &Bytes) -> Self {
        let size_bytes = i64::try_from(raw.len()).unwrap_or(i64::MAX);
        let packed = (raw.len() >= COMPRESS_FROM).then(|| zstd::bulk::compress(raw, ZSTD_LEVEL).ok()).flatten();
        match packed {
            Some(bytes) if bytes.len() < raw.len() => Self { codec: 1, size_bytes, bytes },
            _ => Self { codec: 0, size_bytes, bytes: raw.to_vec() },
        }
    }

    /// The source as Google gave it; `None` for a codec this version does not know or damaged bytes.
    pub fn unpack(&self) -> Option<Vec<u8>> {
        match self.codec {
            0 => Some(self.bytes.clone()),
            1 => zstd::bulk::decompress(&self.bytes, usize::try_from(self.size_bytes).ok()?).ok(),
            _ => None,
        }
    }
}

impl Content {
    /// Reads the source; what cannot be read is left empty and named in `parse_error`, never refused.
    pub fn read(raw: &[u8]) -> Self {
        let size_bytes = i64::try_from(raw.len()).unwrap_or(i64::MAX);
        let empty = Self { recipients: "{}".to_owned(), headers: "[]".to_owned(), size_bytes, ..Self::default() };
        let Some(mail) = mail_parser::MessageParser::default().parse(raw) else {
            return Self { parse_error: Some("not a MIME message".to_owned()), ..empty };
        };
        let clean = |text: Option<&str>| without_nul(text.unwrap_or_default().to_owned());
        let person =
            |address: &mail_parser::Addr<'_>| Person { name: clean(address.name()), email: clean(address.address()) };
        let people = |list: Option<&mail_parser::Address<'_>>| {
            list.map(|list| list.iter().map(person).collect()).unwrap_or_default()
        };
        let recipients = Recipients {
            to: people(mail.to()),
            cc: people(mail.cc()),
            bcc: people(mail.bcc()),
            reply_to: people(mail.reply_to()),
        };
        let headers: Vec<(String, String)> =
            mail.headers_raw().map(|(name, value)| (clean(Some(name)), clean(Some(value.trim())))).collect();
        let headers = serde_json::to_string(&headers).ok().filter(|json| json.len() <= HEADERS_MAX);
        let cut = |text: std::borrow::Cow<'_, str>| truncate(&without_nul(text.into_owned()), BODY_MAX).to_owned();
        Self {
            subject: clean(mail.subject()),
            sender: mail.from().and_then(|from| from.first()).map(person).unwrap_or_default(),
            recipients: serde_json::to_string(&recipients).unwrap_or(empty.recipients),
            headers: headers.unwrap_or(empty.headers),
            text: mail.body_text(0).map(cut),
            html: mail.body_html(0).map(cut).map(|html| ammonia::clean(&html)),
            has_attachments: mail.attachment_count() > 0,
            size_bytes,
            rfc_message_id: clean(mail.message_id()),
            origin: String::new(),
            parse_error: None,
            attachments: Vec::new(),
        }
    }
}
