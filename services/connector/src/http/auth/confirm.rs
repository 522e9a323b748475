//! `POST /gmail/auth/callback`: the answer on the confirm page.

use actix_web::web::{Data, Form};
use actix_web::{HttpRequest, HttpResponse};
use postrider_web::RequestContext;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{cookie, respond};
use crate::actions::connect::{Request, confirm, connect};
use crate::error::Error;
use crate::state::State;
use crate::store::oauth_states::{self, Consent, Hash};
use postrider_domain::token;

/// The form.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ConsentAnswer)]
pub struct Answer {
    /// One-time token of the page.
    token: String,
    /// `yes`; anything else is no.
    #[serde(default)]
    answer: String,
}

/// Connects the account whose grant waits, or forgets it.
#[utoipa::path(
    post, path = "/gmail/auth/callback", tag = "connecting", security(()),
    request_body(content = Answer, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = respond::ConnectedAnswer),
        (status = 303, description = "To `return_to`, with status=connected or error=access_denied"),
        (status = 403, body = postrider_web::ProblemDocument, description = "The answer was no"),
        (status = 422, body = postrider_web::ProblemDocument, description = "`state_invalid`: unknown, used or too old"),
        (status = 503, body = postrider_web::ProblemDocument, description = "`database_unavailable`: nothing was used up, the same form may be sent again"),
    )
)]
pub async fn handle(
    state: Data<State>,
    request: HttpRequest,
    cx: RequestContext,
    form: Result<Form<Answer>, actix_web::Error>,
) -> HttpResponse {
    let ended = match form {
        Ok(form) => end(&state, &request, &cx, &form).await,
        Err(_malformed) => Err(Error::invalid("body", "is not the form of the confirm page")),
    };
    ended.unwrap_or_else(|error| respond::failed(&request, error))
}

async fn end(state: &State, request: &HttpRequest, cx: &RequestContext, form: &Answer) -> Result<HttpResponse, Error> {
    let token = token::hash(&form.token);
    if form.answer != "yes" {
        let consent = take(state, &token).await?;
        return Ok(respond::denied(request, &consent, "access_denied"));
    }
    let consent = find(state, &token).await?;
    let sealed = consent.grant_sealed.as_deref().ok_or(Error::StateInvalid)?;
    let grant = confirm::open(&state.vault, sealed)?;
    let owner = respond::owner(&consent);
    let request =
        Request { owner, grant, settings: None, confirmed: Some(token), link: consent.link_id, trace: Some(cx.trace) };
    let connected = connect(state, request).await?;
    let forget = cookie::forget(&consent.state_hash, &state.settings.app_public_url);
    Ok(respond::connected(&consent, connected, forget))
}

/// Reads the consent and uses nothing up: that is the connect's business, in its own transaction.
async fn find(state: &State, token: &Hash) -> Result<Consent, Error> {
    let tx = state.db.system().await?;
    let found = oauth_states::find_confirmed(&tx, token, state.seams.clock.now()).await?;
    tx.commit().await?;
    found.ok_or(Error::StateInvalid)
}

async fn take(state: &State, token: &Hash) -> Result<Consent, Error> {
    let tx = state.db.system().await?;
    let found = oauth_states::take_confirmed(&tx, token, state.seams.clock.now()).await?;
    tx.commit().await?;
    found.ok_or(Error::StateInvalid)
}
