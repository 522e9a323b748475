//! `GET /api/system/info`: open.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::state::State;

/// What this installation is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ServiceInfo)]
pub struct Answer {
    name: &'static str,
    version: &'static str,
    app_public_url: String,
    features: Features,
}

/// What it can do.
#[derive(Debug, Serialize, ToSchema)]
pub struct Features {
    /// Accounts can be connected: there is an OAuth client.
    connecting: bool,
    /// Google pushes news: there is a Pub/Sub topic. Otherwise mailboxes are polled.
    push: bool,
    /// Consents are not asked about again on our side.
    auto_confirm: bool,
}

/// Describes the installation.
#[utoipa::path(get, path = "/api/system/info", tag = "system", security(()), responses((status = 200, body = Answer)))]
pub async fn handle(state: Data<State>) -> Json<Answer> {
    Json(Answer {
        name: "postrider",
        version: env!("CARGO_PKG_VERSION"),
        app_public_url: state.settings.app_public_url.as_str().trim_end_matches('/').to_owned(),
        features: Features {
            connecting: state.google.is_some(),
            push: state.settings.pubsub_topic.is_some(),
            auto_confirm: state.settings.auto_confirm,
        },
    })
}
