//! Sends an answer the way the gate or the mailbox wants it to travel.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::body::{BodyStream, SizedStream};
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};

use super::call::JSON;
use crate::gate::Transport;

/// Size of a piece of an answer without a length.
const PIECE: usize = 16 << 10;

/// A JSON answer.
pub(super) fn json(body: Vec<u8>, how: Option<Transport>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, JSON));
    let whole = u64::try_from(body.len()).unwrap_or(0);
    match how {
        None | Some(Transport::Html) => response.body(body),
        Some(Transport::Chunked) => {
            let pieces: Vec<_> = body.chunks(PIECE).map(Bytes::copy_from_slice).map(Ok::<_, Infallible>).collect();
            response.body(BodyStream::new(stream::iter(pieces)))
        }
        Some(Transport::Cut) => response.body(SizedStream::new(whole, half(body))),
        Some(Transport::CutChunked) => response.body(BodyStream::new(half(body))),
        Some(Transport::Reset) => reset(),
    }
}

/// No answer at all: a body that fails before its first byte ends the connection before the head is written.
pub(super) fn reset() -> HttpResponse {
    HttpResponse::Ok().body(SizedStream::new(1, Box::pin(stream::once(ready(Err(broken()))))))
}

/// An error page as Google's front ends send it.
pub(super) fn html(status: u16) -> HttpResponse {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let page = format!(
        "<!DOCTYPE html>\n<html lang=en>\n<meta charset=utf-8>\n<title>Error {0} (Server Error)!!1</title>\n\
         <p><b>{0}.</b> <ins>That’s an error.</ins>\n<p>The server encountered an error and could not complete your \
         request. <ins>That’s all we know.</ins>\n",
        status.as_u16()
    );
    HttpResponse::build(status).content_type("text/html; charset=UTF-8").body(page)
}

/// The first half, a pause so that it leaves, then the break.
fn half(mut body: Vec<u8>) -> impl Stream<Item = Result<Bytes, io::Error>> + Unpin {
    body.truncate(body.len() / 2);
    let cut = stream::once(async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        Err(broken())
    });
    Box::pin(stream::once(ready(Ok(Bytes::from(body)))).chain(cut))
}

fn broken() -> io::Error {
    io::Error::other("cut by a fault")
}
