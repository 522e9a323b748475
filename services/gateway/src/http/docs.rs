//! `/openapi.json` and `/docs`.

use std::net::IpAddr;

use actix_web::HttpResponse;
use actix_web::http::header;

use super::admit;
use super::stamp::Stamp;
use crate::limits::Exceeded;
use crate::state::State;

const PAGE: &str = include_str!("../docs.html");
/// The page has its own script and style, and loads nothing from elsewhere.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; \
                           frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The merged document.
///
/// # Errors
/// The budget is used up.
pub async fn openapi(client: IpAddr, state: &State, stamp: &mut Stamp) -> Result<HttpResponse, Exceeded> {
    admit::open(client, state, stamp)?;
    let document = state.catalog.document().await;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-cache")).json(document))
}

/// A page that shows it.
///
/// # Errors
/// The budget is used up.
pub fn page(client: IpAddr, state: &State, stamp: &mut Stamp) -> Result<HttpResponse, Exceeded> {
    admit::open(client, state, stamp)?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_SECURITY_POLICY, PAGE_POLICY))
        .content_type("text/html; charset=utf-8")
        .body(PAGE))
}
