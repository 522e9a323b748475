//! The body of a client's request.

use actix_web::http::StatusCode;
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use web::{Problem, codes};

/// Longest body.
pub const LONGEST: usize = 1024 * 1024;

/// The whole body.
///
/// # Errors
/// 413 beyond [`LONGEST`]; 400 when the connection broke.
pub async fn read(payload: &mut Payload) -> Result<Bytes, Problem> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_broken| Problem::bad_request(codes::BAD_REQUEST, "The body did not arrive."))?;
        if body.len().saturating_add(chunk.len()) > LONGEST {
            let detail = "A request body has at most 1 MiB.";
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, codes::PAYLOAD_TOO_LARGE, detail));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
