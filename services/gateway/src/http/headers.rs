//! Headers the gateway puts on every answer: CORS, and the state of the caller's budget.
//!
//! CORS is decided here for everything that comes through, Socket.IO and the event stream included: the services' own
//! `Access-Control-*` headers are dropped. `CORS_ALLOWED_ORIGINS` lists origins, or is `*`. Tokens travel in
//! `Authorization`, never in cookies, except the short-lived start cookie of the sign-in, which only plain navigation
//! needs: credentials are never allowed.

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpResponse};
use postrider_web::Origins;

use crate::limits::{Budget, seconds};
use crate::state::State;

/// Request headers a page may send.
const ALLOW_HEADERS: &str = "Authorization, Content-Type, Idempotency-Key, If-None-Match, If-Range, Last-Event-ID, Range, \
                             X-Account-ID, X-Request-ID, X-Tenant-ID, X-User-ID, traceparent";
/// Response headers a page may read.
const EXPOSE_HEADERS: &str = "Accept-Ranges, Content-Disposition, Content-Range, ETag, Idempotency-Replayed, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, \
                              Retry-After, X-Request-ID";
/// How long a browser may remember a preflight, in seconds.
const MAX_AGE: &str = "600";

/// Answers a preflight; puts the headers on whatever else is answered. The [`Budget`] is found in the request's
/// extensions, if it took from one.
pub async fn around<B: MessageBody + 'static>(
    state: Data<State>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let origin = text(request.headers(), header::ORIGIN);
    let preflight =
        request.method() == Method::OPTIONS && request.headers().contains_key("access-control-request-method");
    if let Some(origin) = origin.as_deref().filter(|_| preflight) {
        let allowed = allow(&state.cors, origin);
        return Ok(request.into_response(allowed).map_into_right_body());
    }
    let mut response = next.call(request).await?;
    let budget = response.request().extensions().get::<Budget>().copied();
    let headers = response.headers_mut();
    if let Some(Budget { limit, remaining, reset }) = budget {
        set(headers, "ratelimit-limit", &limit.to_string());
        set(headers, "ratelimit-remaining", &remaining.to_string());
        set(headers, "ratelimit-reset", &seconds(reset).to_string());
    }
    if !state.cors.is_empty() {
        // Caches must not serve one origin's answer to another.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(allowed) = origin.as_deref().and_then(|origin| state.cors.allow(origin)) {
            set(headers, "access-control-allow-origin", allowed);
            set(headers, "access-control-expose-headers", EXPOSE_HEADERS);
        }
    }
    Ok(response.map_into_left_body())
}

fn allow(origins: &Origins, origin: &str) -> HttpResponse {
    let mut response = HttpResponse::NoContent().finish();
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(allowed) = origins.allow(origin) {
        set(headers, "access-control-allow-origin", allowed);
        set(headers, "access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE");
        set(headers, "access-control-allow-headers", ALLOW_HEADERS);
        set(headers, "access-control-max-age", MAX_AGE);
    }
    response
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
