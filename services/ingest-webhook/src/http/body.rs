//! Reads a push's body after its token was checked, so that nobody without one makes us buffer anything.

use actix_web::http::header::HeaderMap;
use actix_web::web::Payload;
use postrider_web::body::{Body, BodyError, BodyRules};

/// Longest body. Pub/Sub messages of Gmail have a few hundred bytes.
pub const LONGEST: usize = 1024 * 1024;

/// The whole body, whatever its declared type.
///
/// # Errors
/// Longer than allowed, or said to be; later than allowed; or the connection broke.
pub async fn read(rules: BodyRules, headers: &HeaderMap, mut payload: Payload) -> Result<Body, BodyError> {
    rules.check_head(headers)?;
    rules.read(&mut payload, &[]).await
}
