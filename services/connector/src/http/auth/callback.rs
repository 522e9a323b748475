//! `GET /gmail/auth/callback`: Google sends the person's browser here. Open: the state says whose consent it is.

use actix_web::web::{self as actix, Data};
use actix_web::{HttpRequest, HttpResponse};
use postrider_domain::Secret;
use postrider_web::RequestContext;
use serde::Deserialize;

use super::{cookie, page, respond};
use crate::actions::begin_consent::LIFETIME;
use crate::actions::connect::grant::{self, Code, Grant};
use crate::actions::connect::{Request, confirm, connect};
use crate::actions::links;
use crate::actions::persist::persist;
use crate::error::Error;
use crate::state::{App, State};
use crate::store::oauth_states::{self, Consent};
use postrider_domain::token;

/// What Google adds to the address; it may add more, which is ignored.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    state: Option<String>,
    code: Option<Secret>,
    error: Option<String>,
}

/// Ends a consent.
#[utoipa::path(
    get, path = "/gmail/auth/callback", tag = "connecting", security(()),
    params(
        ("state" = String, Query, description = "As given by /gmail/auth/url"),
        ("code" = Option<String>, Query, description = "Google's authorisation code"),
        ("error" = Option<String>, Query, description = "Why there is no code, e.g. access_denied"),
    ),
    responses(
        (status = 200, body = respond::ConnectedAnswer, description = "Connected; or the confirm page as HTML"),
        (status = 303, description = "To `return_to`, with status=connected or error=…"),
        (status = 403, body = postrider_web::ProblemDocument, description = "`access_denied`"),
        (status = 404, body = postrider_web::ProblemDocument, description = "`link_invalid`: the connect link was used or taken back meanwhile"),
        (status = 422, body = postrider_web::ProblemDocument, description = "`state_invalid`, `auth_code_invalid`, `scope_missing`, `account_mismatch`: another account than the connect link is for"),
        (status = 503, body = postrider_web::ProblemDocument, description = "`google_unavailable`: the same address may be tried again. `database_unavailable`: likewise, unless the code was exchanged before; the grant is then kept for ten seconds, and if the database stays away for longer the address answers 422 `state_invalid` and the consent begins anew"),
    )
)]
pub async fn handle(state: Data<State>, request: HttpRequest, cx: RequestContext) -> HttpResponse {
    match end(&state, &request, &cx).await {
        Ok(response) => response,
        Err(error) => respond::failed(&request, error),
    }
}

async fn end(state: &State, request: &HttpRequest, cx: &RequestContext) -> Result<HttpResponse, Error> {
    let query = actix::Query::<Query>::from_query(request.query_string())
        .map_err(|error| Error::invalid("query", error.to_string()))?
        .into_inner();
    let consent = take(state, query.state.as_deref()).await?;
    let code = match (query.error, query.code) {
        (Some(error), _) => return Ok(respond::denied(request, &consent, &error)),
        (None, Some(code)) if !code.is_empty() => code,
        (None, _) => return Err(Error::invalid("code", "is missing")),
    };
    let grant = match exchange(state, &consent, code).await {
        Err(error) if error.is_temporary() => {
            confirm::give_back(state, &consent).await?;
            return Err(error);
        }
        grant => grant?,
    };
    if let Some(link) = consent.link_id {
        links::end::check(state, &consent.tenant, link, &grant).await?;
    }
    let same_browser = cookie::came_back(request, &consent.state_hash, &consent.cookie_hash);
    if same_browser || state.settings.auto_confirm {
        let owner = respond::owner(&consent);
        let link = consent.link_id;
        let request = Request { owner, grant, settings: None, confirmed: None, link, trace: Some(cx.trace) };
        let connected = connect(state, request).await?;
        let forget = cookie::forget(&consent.state_hash, &state.settings.app_public_url);
        return Ok(respond::connected(&consent, connected, forget));
    }
    ask(state, &consent, &grant).await
}

/// Uses the state up.
async fn take(state: &State, text: Option<&str>) -> Result<Consent, Error> {
    let text = text.filter(|text| !text.is_empty()).ok_or(Error::StateInvalid)?;
    let tx = state.db.system().await?;
    let found = oauth_states::take(&tx, &token::hash(text), state.seams.clock.now()).await?;
    tx.commit().await?;
    found.ok_or(Error::StateInvalid)
}

async fn exchange(state: &State, consent: &Consent, code: Secret) -> Result<Grant, Error> {
    let verifier = state.vault.open(&consent.verifier_sealed)?;
    let redirect_uri = state.google()?.redirect_uri.clone();
    grant::by_code(
        state,
        &respond::owner(consent),
        &Code { code, verifier: Some(verifier), redirect_uri, app: App::Web },
    )
    .await
}

/// Another browser than the one that began: the person must say yes first.
async fn ask(state: &State, consent: &Consent, grant: &Grant) -> Result<HttpResponse, Error> {
    let word = token::random(state.seams.entropy.as_ref());
    let sealed = confirm::seal(&state.vault, grant)?;
    let until = state.seams.clock.now() + LIFETIME;
    let hash = token::hash(word.expose());
    persist(state, "keep a grant for its yes", || async {
        let tx = state.db.system().await?;
        oauth_states::await_confirmation(&tx, &consent.state_hash, &hash, &sealed, until).await?;
        Ok(tx.commit().await?)
    })
    .await?;
    let from = respond::came_from(consent);
    Ok(page::confirm(&page::Question {
        address: grant.who.address.as_str(),
        tenant: consent.tenant.as_str(),
        user: consent.user_id.as_str(),
        begun: consent.expires_at - LIFETIME,
        app: &state.settings.app_public_url,
        return_to: from.as_ref(),
        token: word.expose(),
    }))
}
