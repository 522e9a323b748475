//! What every Gmail call goes through: token, user, scope, fault rules and quotas, then the answer.

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use actix_web::{HttpRequest, HttpResponse};

use super::query::Query;
use super::transport;
use crate::error::ApiError;
use crate::gate::{Method, Transport};
use crate::oauth::Access;
use crate::server::Sim;

/// One Gmail call.
pub(crate) struct Call<'a> {
    pub sim: &'a Sim,
    pub request: &'a HttpRequest,
    pub method: Method,
    /// `{userId}` of the path.
    pub user: &'a str,
    /// Message the call is about.
    pub entity: Option<&'a str>,
}

/// What a handler works with once the call is admitted.
pub(crate) struct Caller {
    pub address: String,
    pub access: Access,
    pub query: Query,
}

/// A body to send: JSON text, or nothing (204).
pub(crate) enum Answer {
    Json(Vec<u8>),
    Empty,
}

impl Call<'_> {
    /// Runs the call and gives the HTTP answer in every case.
    pub async fn run(self, act: impl FnOnce(&Sim, &Caller) -> Result<Answer, ApiError>) -> HttpResponse {
        let caller = match self.caller() {
            Ok(caller) => caller,
            Err(error) => {
                self.sim.gate.failed(self.method, &error);
                return failure(&error);
            }
        };
        let admission = self.sim.gate.admit(&caller.address, self.method, self.entity, self.sim.world.now());
        if let Some(latency) = admission.latency {
            tokio::time::sleep(latency).await;
        }
        let html = admission.transport == Some(Transport::Html);
        let permit = match admission.permit {
            Ok(permit) => permit,
            Err(error) if html => return transport::html(error.status),
            Err(error) => return failure(&error),
        };
        let how = admission.transport.or_else(|| self.sim.world.transport(&caller.address));
        if how == Some(Transport::Html) {
            self.sim.gate.failed(self.method, &ApiError::new(500, "backendError", "Backend Error"));
            return transport::html(500);
        }
        let answer = act(self.sim, &caller);
        drop(permit);
        match answer {
            Ok(Answer::Empty) if how == Some(Transport::Reset) => transport::reset(),
            Ok(Answer::Empty) => HttpResponse::NoContent().finish(),
            Ok(Answer::Json(body)) => transport::json(body, how),
            Err(error) => {
                self.sim.gate.failed(self.method, &error);
                failure(&error)
            }
        }
    }

    fn caller(&self) -> Result<Caller, ApiError> {
        let query = Query::of(self.request);
        let header = self.request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer ")).or_else(|| query.get("access_token"));
        let token = token
            .ok_or_else(|| ApiError::new(401, "required", "Request is missing required authentication credential."))?;
        let access = self.sim.oauth.authenticate(token, self.sim.world.now()).ok_or_else(ApiError::unauthenticated)?;
        if self.user != "me" && !self.user.eq_ignore_ascii_case(&access.address) {
            return Err(ApiError::new(403, "forbidden", format!("Delegation denied for {}", access.address)));
        }
        if !access.allows(self.method.scopes()) {
            return Err(ApiError::scope_missing());
        }
        Ok(Caller { address: access.address.clone(), access, query })
    }
}

pub(super) const JSON: &str = "application/json; charset=UTF-8";

/// An error as Google sends it.
pub(crate) fn failure(error: &ApiError) -> HttpResponse {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if let Some(seconds) = error.retry_after {
        response.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    response.insert_header((CONTENT_TYPE, JSON)).body(error.body().to_string())
}
