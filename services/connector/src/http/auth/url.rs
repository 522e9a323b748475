//! `GET /gmail/auth/url`: where to send a person who wants to connect a mailbox.

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_web::{ApiQuery, Caller, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cookie;
use crate::actions::{Owner, begin_consent};
use crate::error::Error;
use crate::rules::return_to;
use crate::state::State;

/// Parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Where the browser goes afterwards: a path or URL in our own origin or in one of `OAUTH_RETURN_ORIGINS`.
    return_to: Option<String>,
}

/// Where to go.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthUrl)]
pub struct Answer {
    /// Google's consent page, with everything in it.
    url: String,
    /// Comes back with the code; single use, 10 minutes, bound to tenant and user.
    state: String,
}

/// Begins a consent.
#[utoipa::path(
    get, path = "/gmail/auth/url", tag = "connecting", 
    params(("return_to" = Option<String>, Query,
        description = "Where the browser goes afterwards: in our own origin or in one of OAUTH_RETURN_ORIGINS")),
    responses(
        (status = 200, body = Answer),
        (status = 422, body = postrider_web::ProblemDocument, description = "`return_to` leads elsewhere"),
        (status = 503, body = postrider_web::ProblemDocument, description = "`google_not_configured`"),
    )
)]
pub async fn handle(state: Data<State>, caller: Caller, query: ApiQuery<Parameters>) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Write)?;
    let query = query.into_inner();
    let settings = &state.settings;
    let return_to = query
        .return_to
        .map(|text| return_to::allowed(&text, &settings.app_public_url, &settings.return_origins))
        .transpose()
        .map_err(|why| Error::invalid("return_to", why))?;
    let options =
        begin_consent::Options { return_to: return_to.map(String::from), ..begin_consent::Options::default() };
    let begun = begin_consent::begin(&state, &Owner::from(&caller), options).await?;
    Ok(HttpResponse::Ok()
        .cookie(cookie::start(&begun.state_hash, &begun.cookie, &settings.app_public_url))
        .insert_header((actix_web::http::header::CACHE_CONTROL, "no-store"))
        .json(Answer { url: begun.url, state: begun.state.expose().to_owned() }))
}
