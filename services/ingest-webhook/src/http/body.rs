//! Reads a push's body after its token was checked, so that nobody without one makes us buffer anything.

use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;

use crate::error::Refusal;

/// Longest body. Pub/Sub messages of Gmail have a few hundred bytes.
pub const LONGEST: usize = 1024 * 1024;

/// The whole body, whatever its declared type.
///
/// # Errors
/// Longer than [`LONGEST`], or the connection broke.
pub async fn read(mut payload: Payload) -> Result<Bytes, Refusal> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_broken| Refusal::Incomplete)?;
        if body.len().saturating_add(chunk.len()) > LONGEST {
            return Err(Refusal::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
