//! `messages.get?format=raw` by our own request on the hub's client.
//!
//! google-gmail1 buffers the body, copies it into a string, decodes it into a third buffer and prints it into errors:
//! 130 MB for a mail of 35 MB. Here memory is taken before the mail is asked for and fitted to what the answer says, and
//! base64 is decoded inside the buffer it arrived in. The deadline is kept here too: waiting for memory does not count.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body as _, Incoming};
use postrider_domain::{HistoryId, MessageId, Secret};
use serde::Deserialize;
use tokio::time::{Instant, timeout};

use super::classify::{Document, Refusal, classify};
use super::convert::{labels, message_id, thread_id, time};
use super::decode::{decode, decode_in_place};
use super::memory::{Entry, Room, Weight};
use super::snippet::unescape;
use super::transport::{GmailTransport, HttpClient};
use super::{GmailError, RawMail};
use crate::quota::Method;

/// Gmail's largest mails are 150 MB by import, 200 MB as base64 with room for the rest of the document.
const LARGEST: usize = 256 * 1024 * 1024;
/// As much of a refusal's body as is read.
const LARGEST_REFUSAL: usize = 64 * 1024;

/// Fetches one mail.
pub(super) async fn get(
    transport: &GmailTransport,
    client: &HttpClient,
    token: &Secret,
    id: &MessageId,
    room: &Room,
) -> Result<RawMail, GmailError> {
    let mut entry = room.enter().await;
    let mut left = Left(transport.raw_deadline);
    let response = left.within(client.request(request(transport, token, id)?)).await?.map_err(|error| {
        GmailError::transient(if error.is_connect() { "no connection" } else { "the connection broke" })
    })?;
    let (head, mut body) = response.into_parts();
    if !head.status.is_success() {
        let retry_after = head.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = Document::read(&left.within(read_refusal(&mut body)).await?);
        let refusal = Refusal { status: head.status.as_u16(), retry_after, body };
        return Err(classify(Method::MessagesGet, &refusal, transport.clock.now()));
    }
    let length = content_length(&head.headers, &body);
    let buffer = read(&mut body, length, &mut entry, &mut left).await?;
    mail(buffer, entry.hold())
}

/// The time that Gmail has left to answer. It stands still while the fetch waits for memory: that is no fault of Gmail's,
/// and asking again would only wait again.
struct Left(Duration);

impl Left {
    async fn within<T>(&mut self, work: impl Future<Output = T>) -> Result<T, GmailError> {
        let begun = Instant::now();
        let done = timeout(self.0, work).await.map_err(|_elapsed| GmailError::transient("no answer in time"));
        self.0 = self.0.saturating_sub(begun.elapsed());
        done
    }
}

fn request(
    transport: &GmailTransport,
    token: &Secret,
    id: &MessageId,
) -> Result<Request<google_apis_common::Body>, GmailError> {
    let unbuildable = || GmailError::BadRequest { reason: "the request could not be built".to_owned() };
    let mut url = transport.root.clone();
    url.path_segments_mut().map_err(|()| unbuildable())?.pop_if_empty().extend([
        "gmail",
        "v1",
        "users",
        "me",
        "messages",
        id.as_str(),
    ]);
    url.set_query(Some("format=raw&alt=json"));
    Request::get(url.as_str())
        .header(AUTHORIZATION, format!("Bearer {}", token.expose()))
        .header(USER_AGENT, super::client::USER_AGENT_NAME)
        .header(ACCEPT, "application/json")
        .body(google_apis_common::Body::new(Empty::new().map_err(|never: std::convert::Infallible| match never {})))
        .map_err(|_unbuildable| unbuildable())
}

fn content_length(headers: &HeaderMap, body: &Incoming) -> Option<usize> {
    let header = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    header.or_else(|| body.size_hint().exact().and_then(|length| usize::try_from(length).ok()))
}

/// Reads the whole body, or fails as transient: a mail that broke off on the way must never be stored or parked.
async fn read(
    body: &mut Incoming,
    length: Option<usize>,
    entry: &mut Entry,
    left: &mut Left,
) -> Result<Vec<u8>, GmailError> {
    if length.is_some_and(|length| length > LARGEST) {
        return Err(GmailError::BadRequest { reason: "the mail is larger than any mail can be".to_owned() });
    }
    if let Some(length) = length {
        entry.fit(length).await;
    }
    let mut buffer = Vec::with_capacity(length.unwrap_or(16 * 1024));
    while let Some(frame) = left.within(body.frame()).await? {
        let frame = frame.map_err(|_broken| GmailError::transient("the answer was cut off"))?;
        let Ok(data) = frame.into_data() else { continue };
        entry.grow(buffer.len() + data.len()).await;
        buffer.extend_from_slice(&data);
        if buffer.len() > LARGEST {
            return Err(GmailError::BadRequest { reason: "the mail is larger than any mail can be".to_owned() });
        }
    }
    if length.is_some_and(|length| length != buffer.len()) {
        return Err(GmailError::transient("the answer was cut off"));
    }
    Ok(buffer)
}

async fn read_refusal(body: &mut Incoming) -> Vec<u8> {
    let mut buffer = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            buffer.extend_from_slice(&data);
        }
        if buffer.len() > LARGEST_REFUSAL {
            break;
        }
    }
    buffer
}

/// The members of a raw answer; `raw` points into the buffer.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Answer<'a> {
    id: Option<String>,
    thread_id: Option<String>,
    label_ids: Vec<String>,
    history_id: HistoryId,
    #[serde(borrow)]
    internal_date: Cow<'a, str>,
    snippet: String,
    size_estimate: u64,
    #[serde(borrow)]
    raw: Cow<'a, str>,
}

fn mail(buffer: Vec<u8>, weight: Weight) -> Result<RawMail, GmailError> {
    let answer: Answer<'_> = serde_json::from_slice(&buffer).map_err(|error| {
        GmailError::transient(if error.is_eof() { "the answer was cut off" } else { "the answer was not readable" })
    })?;
    let no_base64 = |_| GmailError::transient("the source was not base64url");
    let internal_date = time(answer.internal_date.parse().ok());
    let mut mail = RawMail {
        id: message_id(answer.id)?,
        thread_id: thread_id(answer.thread_id)?,
        labels: labels(answer.label_ids),
        history_id: answer.history_id,
        internal_date,
        snippet: unescape(&answer.snippet),
        size: answer.size_estimate,
        raw: Bytes::new(),
        weight,
    };
    if answer.raw.is_empty() {
        return Err(GmailError::NoSource);
    }
    let source = match answer.raw {
        Cow::Borrowed(text) => {
            // Where the text stands in the buffer; serde_json borrowed it from there.
            let start = text.as_ptr().addr() - buffer.as_ptr().addr();
            let range = start..start + text.len();
            decode_in_place(buffer, range).map_err(no_base64)?
        }
        Cow::Owned(text) => decode(&text).map_err(no_base64)?,
    };
    mail.raw = source.into();
    Ok(mail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn reads_escaped_and_plain_sources() {
        for raw in ["SGkNCg==", "SGkNCg", "SGkNCg\\u003d\\u003d"] {
            let json = format!(
                r#"{{"id":"m1","threadId":"t1","labelIds":["INBOX"],"snippet":"a &amp; b","sizeEstimate":4,
                "historyId":"7","internalDate":"1767225600000","raw":"{raw}","unknown":[1]}}"#
            );
            let mail = mail(json.into_bytes(), Weight::default()).unwrap();
            assert_eq!(&mail.raw[..], b"Hi\r\n", "{raw}");
            assert_eq!((mail.snippet.as_str(), mail.history_id.0), ("a & b", 7));
            assert_eq!(mail.internal_date.unwrap().to_rfc3339(), "2026-01-01T00:00:00+00:00");
        }
    }

    #[tokio::test]
    async fn what_is_not_whole_is_transient() {
        for json in [
            "",
            "{",
            "<html>",
            r#"{"id":"m","threadId":"t","raw":"SGk"#,
            r#"{"id":"m","threadId":"t","raw":"**"}"#,
            r#"{"threadId":"t","raw":"SGk"}"#,
        ] {
            let error = mail(json.as_bytes().to_vec(), Weight::default()).unwrap_err();
            assert!(error.is_transient(), "{json}: {error:?}");
        }
    }

    #[tokio::test]
    async fn a_whole_answer_without_a_source_is_a_fault_of_this_mail_alone() {
        for json in [r#"{"id":"m","threadId":"t"}"#, r#"{"id":"m","threadId":"t","raw":""}"#] {
            let error = mail(json.as_bytes().to_vec(), Weight::default()).unwrap_err();
            assert_eq!(error, GmailError::NoSource);
            assert!(!error.stops_mailbox() && !error.is_transient());
        }
    }
}
