//! Bytes of mails as clients get them: whole or in part, by tag, under a safe name, and never as a page that acts.

use std::convert::Infallible;

use actix_web::body::{BoxBody, SizedStream};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_SECURITY_POLICY, ETAG, HeaderMap,
    HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE, VARY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::stream;

use super::sources::Held;
use crate::rules::conditional::{holds, is_part_of};
use crate::rules::disposition;
use crate::rules::range::Wanted;

/// Bytes handed to the connection at once.
const CHUNK: usize = 64 << 10;

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
    pub fn send(&self, request: &HttpRequest, held: Held, when_taken: Option<WhenTaken>) -> HttpResponse {
        let size = held.bytes.len();
        let range = header(request, &RANGE).filter(|_| is_part_of(header(request, &IF_RANGE), &self.etag));
        match Wanted::of(range, size) {
            Wanted::Whole => self.respond(StatusCode::OK).body(stream_of(held, 0..size, when_taken)),
            Wanted::Part(part) => {
                let last = part.end.saturating_sub(1);
                self.respond(StatusCode::PARTIAL_CONTENT)
                    .insert_header((CONTENT_RANGE, format!("bytes {}-{last}/{size}", part.start)))
                    .body(stream_of(held, part, None))
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

/// Hands the bytes over piece by piece: what waits for a slow client is the pieces' reference, not copies.
fn stream_of(held: Held, part: std::ops::Range<usize>, when_taken: Option<WhenTaken>) -> BoxBody {
    let (bytes, room) = held.into_parts();
    let rest = bytes.slice(part);
    let mut when_taken = when_taken;
    // Nobody asks for the pieces of nothing.
    if rest.is_empty()
        && let Some(done) = when_taken.take()
    {
        done();
    }
    let size = u64::try_from(rest.len()).unwrap_or(u64::MAX);
    let pieces = stream::unfold((rest, when_taken, room), |(mut rest, mut when_taken, room)| async move {
        let piece: Bytes = rest.split_to(rest.len().min(CHUNK));
        // The last piece is asked for after those before it were sent.
        if rest.is_empty()
            && let Some(done) = when_taken.take()
        {
            done();
        }
        (!piece.is_empty()).then_some((Ok::<_, Infallible>(piece), (rest, when_taken, room)))
    });
    BoxBody::new(SizedStream::new(size, Box::pin(pieces)))
}
