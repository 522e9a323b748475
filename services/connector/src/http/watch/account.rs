//! The account a watch request means: `connector_id` in the body, or the `X-Account-ID` header.

use actix_web::HttpRequest;
use postrider_domain::ConnectorId;

use crate::error::Error;

/// The connector named, if any. Naming two different ones is a mistake.
pub fn named(request: &HttpRequest, in_body: Option<ConnectorId>) -> Result<Option<ConnectorId>, Error> {
    let Some(header) = request.headers().get("x-account-id") else { return Ok(in_body) };
    let id: ConnectorId = header
        .to_str()
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::invalid("X-Account-ID", "is not an account id"))?;
    match in_body {
        Some(other) if other != id => Err(Error::invalid("connector_id", "differs from X-Account-ID")),
        _ => Ok(Some(id)),
    }
}
