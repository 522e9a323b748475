//! A problem as an HTTP answer.

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, ResponseError};

use super::{Problem, ProblemDocument};

const CONTENT_TYPE: &str = "application/problem+json";

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    /// Complete as it is; the middleware renders it again with the request id.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = render(self, None);
        response.extensions_mut().insert(self.clone());
        response
    }
}

/// The answer of a problem in the request of that id.
pub(crate) fn render(problem: &Problem, request_id: Option<String>) -> HttpResponse<BoxBody> {
    let document = ProblemDocument::of(problem, request_id);
    let body = serde_json::to_vec(&document).unwrap_or_default();
    let mut response = HttpResponse::build(problem.status).content_type(CONTENT_TYPE).body(body);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if problem.status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(after) = problem.retry_after {
        // Whole seconds, at least one: 0 would mean "at once".
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    response
}
