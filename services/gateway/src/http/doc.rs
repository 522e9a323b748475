//! What the gateway answers itself, as its part of the merged document.

use utoipa::OpenApi;

use super::{api_keys, audit_log, tokens};

/// Every route of callers.
#[derive(OpenApi)]
#[openapi(paths(api_keys::list, api_keys::create, api_keys::delete, tokens::create, audit_log::list))]
pub struct ApiDoc;
