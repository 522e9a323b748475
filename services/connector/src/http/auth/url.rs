//! `GET /gmail/auth/url`: where to send a person who wants to connect a mailbox.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::TimeDelta;
use postrider_domain::Secret;
use postrider_web::{ApiQuery, Caller, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::cookie;
use crate::error::Error;
use crate::rules::{return_to, token};
use crate::state::State;
use crate::store::oauth_states::{self, NewConsent};

/// How long a person may take on Google's pages.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(10);

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
    let google = state.google()?;
    let entropy = state.seams.entropy.as_ref();
    let [consent, verifier, start]: [Secret; 3] = std::array::from_fn(|_| token::random(entropy));
    let state_hash = token::hash(consent.expose());
    let new = NewConsent {
        state_hash: state_hash.clone(),
        tenant: caller.tenant.clone(),
        user: caller.user.clone(),
        verifier_sealed: state.vault.seal(&verifier),
        cookie_hash: token::hash(start.expose()),
        return_to: return_to.map(String::from),
        expires_at: state.seams.clock.now() + LIFETIME,
    };
    keep(&state, &caller, new).await?;
    let url = google.consent_url(&consent, &verifier);
    Ok(HttpResponse::Ok()
        .cookie(cookie::start(&state_hash, &start, &settings.app_public_url))
        .insert_header((actix_web::http::header::CACHE_CONTROL, "no-store"))
        .json(Answer { url, state: consent.expose().to_owned() }))
}

async fn keep(state: &State, caller: &Caller, new: NewConsent) -> Result<(), Error> {
    let tx = state.db.tenant(&caller.tenant).await?;
    oauth_states::insert(&tx, new).await?;
    tx.commit().await?;
    Ok(())
}
