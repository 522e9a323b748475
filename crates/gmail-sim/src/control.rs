//! `/_sim/*`: moves the simulated world from outside. JSON in and out; unknown members are refused with 400.
//!
//! There is no login: the server listens on loopback only, and a body must be `application/json`, which no web page of
//! another origin may send without asking first.

mod faults;
mod look;
mod mail;
mod mailbox;
mod oddities;
mod settings;

use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig, delete, get, post, put};
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use serde_json::json;

use crate::world::SimError;

/// The control routes; README.md documents each.
pub(crate) fn routes(config: &mut ServiceConfig) {
    let json = web::JsonConfig::default()
        .limit(160 << 20)
        .error_handler(|error, _: &HttpRequest| Refused(StatusCode::BAD_REQUEST, error.to_string()).into());
    config.route("/health/ready", get().to(look::health)).route("/health/live", get().to(look::health));
    config.service(
        web::scope("/_sim")
            .app_data(json)
            .route("/mailboxes", get().to(mailbox::list))
            .route("/mailboxes", post().to(mailbox::create))
            .route("/recreate", post().to(mailbox::recreate))
            .route("/expire-history", post().to(mailbox::expire_history))
            .route("/expire-page-tokens", post().to(mailbox::expire_page_tokens))
            .route("/bump-history", post().to(mailbox::bump_history))
            .route("/labels", post().to(mailbox::label))
            .route("/lag", put().to(oddities::lag))
            .route("/quirks", put().to(oddities::set_quirks))
            .route("/quirks", get().to(oddities::quirks))
            .route("/history-back", post().to(oddities::history_back))
            .route("/visibility", get().to(oddities::visibility))
            .route("/retention", put().to(mailbox::retention))
            .route("/deliver", post().to(mail::deliver))
            .route("/delete", post().to(mail::delete))
            .route("/trash", post().to(mail::trash))
            .route("/untrash", post().to(mail::untrash))
            .route("/spam", post().to(mail::spam))
            .route("/relabel", post().to(mail::relabel))
            .route("/draft", post().to(mail::draft))
            .route("/send", post().to(mail::send))
            .route("/faults", get().to(faults::list))
            .route("/faults", post().to(faults::add))
            .route("/faults", delete().to(faults::clear))
            .route("/faults/{id}", delete().to(faults::remove))
            .route("/push-faults", get().to(faults::push_faults))
            .route("/push-faults", put().to(faults::set_push_faults))
            .route("/push", get().to(settings::push))
            .route("/push", put().to(settings::set_push))
            .route("/quota", get().to(settings::quota))
            .route("/quota", put().to(settings::set_quota))
            .route("/oauth", get().to(settings::oauth))
            .route("/oauth", put().to(settings::set_oauth))
            .route("/revoke", post().to(settings::revoke))
            .route("/access-token", post().to(settings::access_token))
            .route("/clock", get().to(settings::clock))
            .route("/clock", post().to(settings::advance))
            .route("/service-account", get().to(settings::service_account))
            .route("/rotate-keys", post().to(settings::rotate_keys))
            .route("/sign", post().to(settings::sign))
            .route("/truth", get().to(look::truth))
            .route("/pushes", get().to(look::pushes))
            .route("/stats", get().to(look::stats))
            .route("/stats", delete().to(look::reset_stats)),
    );
}

/// A control call that was not carried out.
#[derive(Debug, thiserror::Error)]
#[error("{1}")]
pub(crate) struct Refused(StatusCode, String);

impl Refused {
    fn bad(text: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, text.into())
    }
}

impl From<SimError> for Refused {
    fn from(error: SimError) -> Self {
        let status = match error {
            SimError::Exists(_) => StatusCode::CONFLICT,
            SimError::BadAddress(_) | SimError::UnknownLabel(_) => StatusCode::BAD_REQUEST,
            SimError::UnknownMailbox(_) | SimError::UnknownMessage(_) | SimError::UnknownDraft(_) => {
                StatusCode::NOT_FOUND
            }
        };
        Self(status, error.to_string())
    }
}

impl ResponseError for Refused {
    fn status_code(&self) -> StatusCode {
        self.0
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::build(self.0).json(json!({"error": self.1}))
    }
}

/// The answer of a control call.
pub(crate) type Reply = Result<HttpResponse, Refused>;

fn done() -> HttpResponse {
    HttpResponse::Ok().json(json!({"ok": true}))
}
