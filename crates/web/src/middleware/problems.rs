//! Every error leaves as a problem document: ours with their request id, the library's in our form.

use actix_web::body::{BodySize, EitherBody, MessageBody};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::http::{StatusCode, header};
use actix_web::{Error, HttpResponse, ResponseError, dev::ServiceResponse};

use super::headers;
use crate::codes;
use crate::problem::{Problem, render};

/// Puts the answer into its final form.
pub(super) fn finish<B: MessageBody>(response: ServiceResponse<B>, request_id: &str) -> ServiceResponse<EitherBody<B>> {
    match problem_in(&response) {
        None => response.map_into_left_body(),
        Some(problem) => {
            let rendered = render(&problem, Some(request_id.to_owned()));
            let (request, original) = response.into_parts();
            ServiceResponse::new(request, with_headers(rendered, &original)).map_into_right_body()
        }
    }
}

/// The problem an answer stands for: one of ours, or what actix answered on its own account (no such route, no such
/// method, a failed extractor). What a handler made itself, or passed on from another service, stays as it is.
fn problem_in<B: MessageBody>(response: &ServiceResponse<B>) -> Option<Problem> {
    let inner = response.response();
    let status = inner.status();
    if !status.is_client_error() && !status.is_server_error() {
        return None;
    }
    if let Some(problem) = inner.extensions().get::<Problem>() {
        return Some(problem.clone());
    }
    let empty = matches!(inner.body().size(), BodySize::None | BodySize::Sized(0));
    let untyped = !inner.headers().contains_key(CONTENT_TYPE);
    if inner.error().is_none() && !(empty && untyped) {
        return None;
    }
    if let Some(error) = inner.error().filter(|_| status.is_server_error()) {
        tracing::error!(error = %error, "a request failed for an unforeseen reason");
    }
    // Routes mounted one by one (and by attribute) hide a wrong method behind actix's 404: the path is known, though.
    let wrong_method =
        status == StatusCode::NOT_FOUND && inner.error().is_none() && response.request().match_pattern().is_some();
    Some(of_status(if wrong_method { StatusCode::METHOD_NOT_ALLOWED } else { status }))
}

fn of_status(status: StatusCode) -> Problem {
    Problem::new(status, codes::of_status(status.as_u16()), detail(status))
}

/// The error of a middleware further in, in its final form.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub(super) struct FinalError {
    problem: Problem,
    request_id: String,
}

impl FinalError {
    pub fn of(error: &Error, request_id: &str) -> Self {
        let problem = error.as_error::<Problem>().cloned().unwrap_or_else(|| {
            let status = error.as_response_error().status_code();
            if status.is_server_error() {
                tracing::error!(error = %error, "a request failed for an unforeseen reason");
            }
            of_status(status)
        });
        Self { problem, request_id: request_id.to_owned() }
    }

    pub fn status(&self) -> u16 {
        self.problem.status.as_u16()
    }
}

impl ResponseError for FinalError {
    fn status_code(&self) -> StatusCode {
        self.problem.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = render(&self.problem, Some(self.request_id.clone()));
        headers::add(response.headers_mut(), &self.request_id);
        response
    }
}

fn detail(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is no such route.",
        StatusCode::METHOD_NOT_ALLOWED => "The route does not know this method.",
        _ => "",
    }
}

/// Headers that tell more about the error than its body, e.g. `Allow` of a 405.
fn with_headers<B>(mut rendered: HttpResponse, original: &HttpResponse<B>) -> HttpResponse {
    for (name, value) in original.headers() {
        let of_body = [CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING].contains(name);
        if !of_body && !rendered.headers().contains_key(name) {
            rendered.headers_mut().append(name.clone(), value.clone());
        }
    }
    rendered
}
