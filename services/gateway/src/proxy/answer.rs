//! A service's answer as the client gets it.

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::TryStreamExt as _;
use reqwest::Response;

use crate::rules::headers;

/// Passes an answer on as it comes in. `head_only` for answers to HEAD.
pub fn pass(answer: Response, head_only: bool) -> HttpResponse {
    let mut response = head(&answer);
    let length = answer.content_length();
    if head_only {
        return response.finish();
    }
    let body = answer.bytes_stream().map_err(|error| {
        // The head is sent: all that is left is to break the connection, so that the client sees a broken answer.
        tracing::warn!(error = %error, "an answer broke on its way");
        std::io::Error::other(error)
    });
    match length {
        Some(0) => response.finish(),
        Some(length) => response.body(SizedStream::new(length, body)),
        None => response.streaming(body),
    }
}

/// Passes a small text answer on after a change.
pub async fn pass_changed(answer: Response, change: impl Fn(String) -> String) -> HttpResponse {
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
