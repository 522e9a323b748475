//! `POST /internal/connect-links`: notification asks for one when it sends the mail, so that no bearer link stands in a
//! row, a feed or a webhook before.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use postrider_domain::{ConnectorId, Timestamp};
use postrider_web::{ApiJson, Problem, ServiceCaller};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::actions::links::make::{Made, make_own};
use crate::error::Error;
use crate::http::token_leases::tenant_of;
use crate::state::State;

/// The only service that mails its users.
const CALLER: &str = "notification";

/// Which connector.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ReconnectLinkRequest)]
pub struct Body {
    #[schema(value_type = String, format = "uuid")]
    connector_id: ConnectorId,
}

/// Where its owner connects it again.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ReconnectLink)]
pub struct Answer {
    url: String,
    #[schema(value_type = String, format = "date-time")]
    expires_at: Timestamp,
}

/// Makes a link for a connector that needs a new consent. It lives for seven days; of those made before, two stay good.
#[utoipa::path(
    post, path = "/internal/connect-links", tag = "internal", request_body = Body,
    responses(
        (status = 201, body = Answer),
        (status = 403, body = postrider_web::ProblemDocument, description = "Another service than notification"),
        (status = 404, body = postrider_web::ProblemDocument),
        (status = 409, body = postrider_web::ProblemDocument, description = "`reauth_not_required`: it works again, no mail is needed; `connector_disconnected`; `connect_links_full`"),
        (status = 422, body = postrider_web::ProblemDocument),
    )
)]
pub async fn handle(state: Data<State>, caller: ServiceCaller, body: ApiJson<Body>) -> Result<HttpResponse, Problem> {
    caller.must_be(&[CALLER])?;
    let made = run(&state, &caller, &body).await?;
    Ok(HttpResponse::Created()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Answer { url: made.url.expose().to_owned(), expires_at: made.link.expires_at }))
}

async fn run(state: &State, caller: &ServiceCaller, body: &Body) -> Result<Made, Error> {
    let tenant = tenant_of(state, caller, body.connector_id).await?;
    make_own(state, &tenant, body.connector_id).await
}
