//! `pubsub.googleapis.com`, REST v1: topics with their policies, subscriptions, pull and its acknowledgements.

mod subscription;
mod topic;

use actix_web::http::header::AUTHORIZATION;
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::pubsub::PubSubError;
use crate::server::Sim;

/// Scopes of which a token must have one.
const SCOPES: [&str; 2] = ["https://www.googleapis.com/auth/pubsub", "https://www.googleapis.com/auth/cloud-platform"];

/// The answer of a call.
type Reply = Result<Value, PubSubError>;

/// Any call on a topic or a subscription: `projects/{project}/{kind}/{id}` or `…/{id}:{verb}`.
pub(crate) async fn call(
    request: HttpRequest,
    sim: Data<Sim>,
    path: Path<(String, String, String)>,
    body: Bytes,
) -> HttpResponse {
    let (project, kind, last) = path.into_inner();
    let (id, verb) = last.split_once(':').map_or((last.as_str(), ""), |(id, verb)| (id, verb));
    let name = format!("projects/{project}/{kind}/{id}");
    let reply = match (allowed(&request, &sim), kind.as_str()) {
        (Err(refused), _) => Err(refused),
        (Ok(()), "topics") => topic::call(&sim, request.method(), &name, verb, &body),
        (Ok(()), "subscriptions") => subscription::call(&sim, request.method(), &name, verb, &body).await,
        (Ok(()), _) => Err(unknown(request.method(), &name)),
    };
    match reply {
        Ok(value) => HttpResponse::Ok().json(value),
        Err(error) => refuse(&error),
    }
}

fn allowed(request: &HttpRequest, sim: &Sim) -> Result<(), PubSubError> {
    let header = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = header.and_then(|value| value.strip_prefix("Bearer "));
    let access = token
        .and_then(|token| sim.oauth.authenticate(token, sim.world.now()))
        .ok_or_else(|| PubSubError::new(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."))?;
    if access.allows(&SCOPES) {
        return Ok(());
    }
    let text = "Request had insufficient authentication scopes.";
    Err(PubSubError::new(403, "PERMISSION_DENIED", text))
}

fn refuse(error: &PubSubError) -> HttpResponse {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = json!({"error": {"code": error.status, "message": error.message, "status": error.code}});
    HttpResponse::build(status).json(body)
}

fn unknown(method: &Method, name: &str) -> PubSubError {
    PubSubError::new(404, "NOT_FOUND", format!("gmail-sim does not answer {method} {name}"))
}

/// A JSON body; an empty one is `{}`.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, PubSubError> {
    let body = if body.is_empty() { b"{}".as_slice() } else { body };
    serde_json::from_slice(body)
        .map_err(|error| PubSubError::invalid(format!("Invalid JSON payload received. {error}")))
}

fn shown(value: &impl serde::Serialize) -> Reply {
    serde_json::to_value(value).map_err(|error| PubSubError::new(500, "INTERNAL", error.to_string()))
}
