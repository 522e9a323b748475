//! `POST /connect/{token}`: open. The page's button: begins the consent at Google.
//!
//! It must be pressed on our page, where it says who asks: the page's cookie and the word in its form belong together,
//! and the cookie is never sent from another site.

use actix_web::web::{Data, Form, Path};
use actix_web::{HttpRequest, HttpResponse};
use postrider_domain::EmailAddress;
use serde::Deserialize;
use url::Url;
use utoipa::ToSchema;

use super::page;
use crate::actions::Owner;
use crate::actions::begin_consent::{self, Begun};
use crate::actions::links::open::open;
use crate::error::Error;
use crate::http::auth::{cookie, page as pages, respond};
use crate::observe;
use crate::state::State;

/// The form.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = ConnectLinkButton)]
pub struct Pressed {
    /// The page's own word.
    #[serde(default)]
    word: String,
}

/// Begins the consent the link is for.
#[utoipa::path(
    post, path = "/connect/{token}", tag = "connecting", security(()),
    params(("token" = String, Path, description = "Of a connect link")),
    request_body(content = Pressed, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 303, description = "To Google's consent page"),
        (status = 404, body = postrider_web::ProblemDocument, description = "`link_invalid`: unknown, used, taken back or expired"),
        (status = 422, body = postrider_web::ProblemDocument, description = "`state_invalid`: the button was not pressed on the link's page"),
        (status = 503, body = postrider_web::ProblemDocument, description = "`google_not_configured`"),
    )
)]
pub async fn handle(
    state: Data<State>,
    request: HttpRequest,
    word: Path<String>,
    form: Result<Form<Pressed>, actix_web::Error>,
) -> HttpResponse {
    let pressed = form.map(|form| form.into_inner().word).unwrap_or_default();
    match begin(&state, &request, &word, &pressed).await {
        Ok(response) => response,
        Err(error) => respond::failed(&request, error),
    }
}

async fn begin(state: &State, request: &HttpRequest, word: &str, pressed: &str) -> Result<HttpResponse, Error> {
    let link = open(state, word).await?;
    if !page::was_pressed(request, word, pressed) {
        return Err(Error::StateInvalid);
    }
    let owner = Owner { tenant: link.tenant.clone(), user: link.user_id.clone() };
    let options = begin_consent::Options {
        return_to: link.return_to.clone(),
        link: Some(link.id),
        hint: EmailAddress::parse(&link.email_address).ok(),
    };
    let Begun { url, state_hash, cookie, .. } = begin_consent::begin(state, &owner, options).await?;
    observe::link(&state.metrics, observe::LinkEvent::Opened, &link);
    let url = Url::parse(&url).map_err(|error| Error::google_refused(error.to_string()))?;
    let mut response = pages::redirect(&url);
    let _too_long = response.add_cookie(&cookie::start(&state_hash, &cookie, &state.settings.app_public_url));
    Ok(response)
}
