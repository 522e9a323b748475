//! Bytes of mails as clients get them: whole or in part, by tag, under a safe name, and never as a page that acts.

use std::ops::Range;

use actix_web::body::{BoxBody, SizedStream};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, ETAG, HeaderMap,
    HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::TryStreamExt as _;

use super::sources::Found;
use crate::rules::conditional::{holds, is_part_of};
use crate::rules::disposition;
use crate::rules::range::Wanted;

/// What a download is called. `etag` names these very bytes.
pub struct File<'a> {
    pub name: &'a str,
    pub content_type: &'a str,
    pub etag: String,
}

/// Done once the last byte was taken.
pub type WhenTaken = Box<dyn FnOnce() + Send>;

fn header<'a>(request: &'a HttpRequest, name: &HeaderName) -> Option<&'a str> {
    let headers: &HeaderMap = request.headers();
    headers.get(name).and_then(|value| value.to_str().ok())
}

impl File<'_> {
    /// 304, if the client holds it.
    pub fn unchanged(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let held = header(request, &IF_NONE_MATCH).is_some_and(|tags| holds(tags, &self.etag));
        held.then(|| self.respond(StatusCode::NOT_MODIFIED).finish())
    }

    /// The bytes, or the part of them that was asked for. `when_taken` is only done for all of them.
    pub fn send(&self, request: &HttpRequest, found: Found, when_taken: Option<WhenTaken>) -> HttpResponse {
        let size = found.size();
        let range = header(request, &RANGE).filter(|_| is_part_of(header(request, &IF_RANGE), &self.etag));
        match Wanted::of(range, size) {
            Wanted::Whole => self.respond(StatusCode::OK).body(stream_of(found, 0..size, when_taken)),
            Wanted::Part(part) => {
                let last = part.end.saturating_sub(1);
                self.respond(StatusCode::PARTIAL_CONTENT)
                    .insert_header((CONTENT_RANGE, format!("bytes {}-{last}/{size}", part.start)))
                    .body(stream_of(found, part, None))
            }
            Wanted::Nothing => self
                .respond(StatusCode::RANGE_NOT_SATISFIABLE)
                .insert_header((CONTENT_RANGE, format!("bytes */{size}")))
                .finish(),
        }
    }

    fn respond(&self, status: StatusCode) -> HttpResponseBuilder {
        let mut response = HttpResponse::build(status);
        response
            .insert_header((ETAG, self.etag.as_str()))
            .insert_header((CACHE_CONTROL, "private, no-cache"))
            .insert_header((VARY, "Authorization"));
        if status != StatusCode::NOT_MODIFIED {
            response
                .insert_header((ACCEPT_RANGES, "bytes"))
                .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
                .insert_header((CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"));
        }
        if status.is_success() {
            response
                .insert_header((CONTENT_DISPOSITION, disposition::attachment(self.name)))
                .content_type(disposition::content_type(self.content_type));
        }
        response
    }
}

/// Hands the bytes over piece by piece: what waits for a slow client is one piece.
fn stream_of(found: Found, part: Range<usize>, when_taken: Option<WhenTaken>) -> BoxBody {
    let mut when_taken = when_taken;
    // Nobody asks for the pieces of nothing.
    if part.is_empty()
        && let Some(done) = when_taken.take()
    {
        done();
    }
    let mut left = part.len();
    let pieces = found.pieces(part);
    let told = pieces.inspect_ok(move |piece| {
        left = left.saturating_sub(piece.len());
        // The last piece is asked for after those before it were sent.
        if left == 0
            && let Some(done) = when_taken.take()
        {
            done();
        }
    });
    BoxBody::new(SizedStream::new(u64::try_from(left).unwrap_or(u64::MAX), told))
}
