//! Tokens of the project's service account: for its key (`POST /token`), and for its own machines (the metadata server).

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use super::token::refusal;
use crate::http::query::Query;
use crate::server::Sim;

/// The grant of a signed assertion.
pub(crate) const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Answers an assertion.
pub(crate) fn token(sim: &Sim, form: &Query) -> HttpResponse {
    let assertion = form.get("assertion").unwrap_or_default();
    match sim.oauth.service_token(sim.seed, assertion, sim.token_time()) {
        Ok(token) => answer(sim, &token),
        Err(error) => refusal(&error),
    }
}

/// `GET /computeMetadata/v1/instance/service-accounts/default/token`.
pub(crate) async fn metadata(request: HttpRequest, sim: Data<Sim>) -> HttpResponse {
    if request.headers().get("metadata-flavor").is_none_or(|value| value != "Google") {
        return HttpResponse::Forbidden().body("Missing Metadata-Flavor:Google header.");
    }
    let query = Query::of(&request);
    let scope = query.get("scopes").unwrap_or("https://www.googleapis.com/auth/cloud-platform");
    let token = sim.oauth.issue_service(scope, sim.token_time());
    answer(&sim, &token)
}

fn answer(sim: &Sim, token: &str) -> HttpResponse {
    let expires_in = sim.oauth.config().access_seconds;
    HttpResponse::Ok().json(json!({"access_token": token, "expires_in": expires_in, "token_type": "Bearer"}))
}
