//! How a consent ends in the browser: on the page it came from, as JSON, or on a page that says what went wrong.

use actix_web::cookie::Cookie;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use postrider_web::Problem;
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use super::page;
use crate::actions::Owner;
use crate::actions::connect::Connected;
use crate::error::Error;
use crate::rules::return_to;
use crate::store::oauth_states::Consent;

/// A connected account.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectedAnswer {
    /// Always `connected`.
    status: &'static str,
    #[schema(value_type = String, format = "uuid")]
    connector_id: postrider_domain::ConnectorId,
    email_address: String,
}

impl From<Connected> for ConnectedAnswer {
    fn from(connected: Connected) -> Self {
        Self { status: "connected", connector_id: connected.connector, email_address: connected.email_address }
    }
}

/// Whose consent it is.
pub fn owner(consent: &Consent) -> Owner {
    Owner { tenant: consent.tenant.clone(), user: consent.user_id.clone() }
}

/// Where the browser came from, if it said so. It was checked when the consent began.
pub fn came_from(consent: &Consent) -> Option<Url> {
    consent.return_to.as_deref().and_then(|text| Url::parse(text).ok())
}

/// The account is connected.
pub fn connected(consent: &Consent, connected: Connected, forget: Cookie<'static>) -> HttpResponse {
    let mut response = match came_from(consent) {
        Some(url) => {
            let id = connected.connector.to_string();
            page::redirect(&return_to::with_query(url, &[("status", "connected"), ("connector_id", &id)]))
        }
        None => HttpResponse::Ok().json(ConnectedAnswer::from(connected)),
    };
    let _too_long = response.add_cookie(&forget);
    response
}

/// The person said no, to Google or to us. `error` is Google's word for it.
pub fn denied(request: &HttpRequest, consent: &Consent, error: &str) -> HttpResponse {
    let word: String = error.chars().filter(|c| c.is_ascii_lowercase() || *c == '_').take(40).collect();
    let word = if word.is_empty() { "access_denied".to_owned() } else { word };
    match came_from(consent) {
        Some(url) => page::redirect(&return_to::with_query(url, &[("error", &word)])),
        None => failed(request, Error::AccessDenied(word)),
    }
}

/// Something went wrong: for people a page, for programs a problem document.
pub fn failed(request: &HttpRequest, error: Error) -> HttpResponse {
    let problem = Problem::from(error);
    if page::wanted(request) { page::problem(&problem) } else { problem.error_response() }
}
