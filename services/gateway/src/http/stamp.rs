//! Headers the gateway puts on every answer: CORS and the state of the caller's budget.

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use postrider_web::Origins;

use crate::cors;
use crate::limits::{Budget, Exceeded, seconds};

/// What an answer will carry; filled while the request is worked on.
#[derive(Debug, Default)]
pub struct Stamp {
    origin: Option<String>,
    budget: Option<Budget>,
}

impl Stamp {
    pub fn of(request: &HttpRequest) -> Self {
        Self { origin: origin(request), budget: None }
    }

    /// Notes what is left of the caller's budget.
    pub fn budget(&mut self, budget: Budget) {
        self.budget = Some(budget);
    }

    /// Notes that nothing is left.
    pub fn exhausted(&mut self, exceeded: Exceeded) {
        let Exceeded { limit, retry_after: reset } = exceeded;
        self.budget = Some(Budget { limit, remaining: 0, reset });
    }

    /// Writes the headers.
    pub fn put(&self, origins: &Origins, headers: &mut HeaderMap) {
        if let Some(Budget { limit, remaining, reset }) = self.budget {
            set(headers, "ratelimit-limit", &limit.to_string());
            set(headers, "ratelimit-remaining", &remaining.to_string());
            set(headers, "ratelimit-reset", &seconds(reset).to_string());
        }
        if origins.is_empty() {
            return;
        }
        // Caches must not serve one origin's answer to another.
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(allowed) = self.origin.as_deref().and_then(|origin| origins.allow(origin)) {
            set(headers, "access-control-allow-origin", allowed);
            set(headers, "access-control-expose-headers", cors::EXPOSE_HEADERS);
        }
    }
}

/// The answer to a CORS preflight; none when the request is no preflight.
pub fn preflight(request: &HttpRequest, origins: &Origins) -> Option<HttpResponse> {
    let asks = request.method() == Method::OPTIONS && request.headers().contains_key("access-control-request-method");
    let from = origin(request).filter(|_| asks)?;
    let mut response = HttpResponse::NoContent().finish();
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(allowed) = origins.allow(&from) {
        set(headers, "access-control-allow-origin", allowed);
        set(headers, "access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE");
        set(headers, "access-control-allow-headers", cors::ALLOW_HEADERS);
        set(headers, "access-control-max-age", cors::MAX_AGE);
    }
    Some(response)
}

fn origin(request: &HttpRequest) -> Option<String> {
    request.headers().get(header::ORIGIN).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn set(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(HeaderName::from_static(name), value);
    }
}
