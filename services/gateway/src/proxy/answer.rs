//! A service's answer as the client gets it.

use std::io;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use postrider_web::client::cause_of;
use reqwest::Response;

use crate::drain::Drain;
use crate::observe;
use crate::rules::headers;

/// Passes an answer on as it comes in. One that has no end of its own, a stream of events, ends at its turn of the drain:
/// clients of such streams come back by themselves.
pub fn pass(answer: Response, drain: Option<&Drain>) -> HttpResponse {
    let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let stay = drain.filter(|_| kind.starts_with("text/event-stream")).map(Drain::stay);
    let mut response = head(&answer);
    let length = answer.content_length();
    let body = answer.bytes_stream().map_err(|error| {
        // The head is sent: all that is left is to break the connection, so that the client sees a broken answer.
        let cause = cause_of(error);
        observe::answer_broke(&cause);
        io::Error::other(cause)
    });
    match (length, stay) {
        (Some(0), _) => response.finish(),
        (Some(length), _) => response.body(SizedStream::new(length, body)),
        (None, Some(stay)) => response.streaming(body.take_until(Box::pin(stay.turn()))),
        (None, None) => response.streaming(body),
    }
}

/// Passes the head of an answer to a GET on, for a HEAD: the length is that of the body which does not follow.
pub fn pass_head(answer: &Response) -> HttpResponse {
    let mut response = head(answer);
    match answer.content_length() {
        Some(length) => response.body(SizedStream::new(length, stream::empty::<io::Result<Bytes>>())),
        None => response.finish(),
    }
}

/// Passes a small text answer on after a change.
pub async fn pass_changed(answer: Response, change: impl FnOnce(String) -> String) -> HttpResponse {
    let mut response = head(&answer);
    match answer.text().await {
        Ok(text) => response.body(change(text)),
        Err(_broken) => HttpResponse::BadGateway().finish(),
    }
}

fn head(answer: &Response) -> HttpResponseBuilder {
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = HttpResponse::build(status);
    let connection = answer.headers().get("connection").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let named = connection.to_ascii_lowercase();
    for (name, value) in answer.headers() {
        if !headers::passes_out(name.as_str(), &named) {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_str().as_bytes());
        let value = HeaderValue::from_bytes(value.as_bytes());
        if let (Ok(name), Ok(value)) = (name, value) {
            response.append_header((name, value));
        }
    }
    response
}
