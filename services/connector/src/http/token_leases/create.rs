//! `POST /internal/token-leases`: sync-worker, and nobody else, gets a short-lived access token (law 6).

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_domain::{ConnectorId, GoogleSub, Timestamp};
use postrider_web::{ApiJson, Problem, ServiceCaller};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actions::tokens::lease::{Lease, Options, lease};
use crate::error::Error;
use crate::http::token_leases::{CALLER, tenant_of};
use crate::observe;
use crate::state::State;

/// Which token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = TokenLeaseRequest)]
pub struct Body {
    #[schema(value_type = String, format = "uuid")]
    connector_id: ConnectorId,
    /// Gmail refused the token of this version: only a newer one helps.
    newer_than: Option<i64>,
}

/// A token.
#[derive(Serialize, ToSchema)]
#[schema(as = TokenLease)]
pub struct Answer {
    token: String,
    #[schema(value_type = String, format = "date-time")]
    expires_at: Timestamp,
    token_version: i64,
    #[schema(value_type = String)]
    google_sub: GoogleSub,
    email_address: String,
}

/// Leases an access token.
#[utoipa::path(
    post, path = "/internal/token-leases", tag = "internal", request_body = Body,
    responses(
        (status = 200, body = Answer),
        (status = 403, body = postrider_web::ProblemDocument, description = "Another service than sync-worker"),
        (status = 404, body = postrider_web::ProblemDocument),
        (status = 409, body = postrider_web::ProblemDocument, description = "`reauth_required`, `connector_paused`, `connector_disconnected`"),
        (status = 503, body = postrider_web::ProblemDocument),
    )
)]
pub async fn handle(state: Data<State>, caller: ServiceCaller, body: ApiJson<Body>) -> Result<HttpResponse, Problem> {
    caller.must_be(&[CALLER])?;
    let leased = run(&state, &caller, &body).await;
    observe::leased(&state.metrics, leased.as_ref().map_or_else(Error::code, |_lease| "ok"));
    let lease = leased?;
    Ok(HttpResponse::Ok().insert_header(("Cache-Control", "no-store")).json(Answer {
        token: lease.token.expose().to_owned(),
        expires_at: lease.expires_at,
        token_version: lease.version,
        google_sub: lease.google_sub,
        email_address: lease.email_address,
    }))
}

async fn run(state: &State, caller: &ServiceCaller, body: &Body) -> Result<Lease, Error> {
    let tenant = tenant_of(state, caller, body.connector_id).await?;
    let options = Options { newer_than: body.newer_than, even_paused: false };
    lease(state, &tenant, body.connector_id, options).await
}
