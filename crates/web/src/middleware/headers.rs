//! Headers every answer carries.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

pub(super) const REQUEST_ID: &str = "x-request-id";
pub(super) const TRACEPARENT: &str = "traceparent";

/// Adds the request id and the security headers; a header the handler set itself stays (the console has its own
/// content policy).
pub(super) fn add(headers: &mut HeaderMap, request_id: &str) {
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert(HeaderName::from_static(REQUEST_ID), value);
    }
    let safe = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ];
    for (name, value) in safe {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
}
