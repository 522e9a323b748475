//! One call: for whom, in which request, and what came of it.

use postrider_contracts::TraceContext;
use postrider_domain::{TenantId, UserId};
use reqwest::header::HeaderValue;
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;

use super::{ClientError, MOST_BYTES, ServiceClient};
use crate::extract::{Caller, ServiceCaller};
use crate::problem::ProblemDocument;
use crate::scope::Scopes;
use crate::service_tokens::Claims;

/// In whose name and in which request a call is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Call {
    pub claims: Claims,
    pub trace: Option<TraceContext>,
}

impl Call {
    /// A call of a service for itself, e.g. a due scan.
    pub fn system(trace: Option<TraceContext>) -> Self {
        Self { claims: Claims::default(), trace }
    }

    /// A call for a user, outside of a request of theirs (handling an event).
    pub fn on_behalf_of(tenant: TenantId, user: UserId, scopes: Scopes, trace: Option<TraceContext>) -> Self {
        Self { claims: Claims { tenant: Some(tenant), user: Some(user), scopes, request_id: String::new() }, trace }
    }
}

impl From<&Caller> for Call {
    fn from(caller: &Caller) -> Self {
        let Caller { tenant, user, scopes, request_id, trace } = caller.clone();
        Self { claims: Claims { tenant: Some(tenant), user: Some(user), scopes, request_id }, trace: Some(trace) }
    }
}

impl From<&ServiceCaller> for Call {
    fn from(caller: &ServiceCaller) -> Self {
        let ServiceCaller { tenant, user, scopes, request_id, trace, .. } = caller.clone();
        Self { claims: Claims { tenant, user, scopes, request_id }, trace: Some(trace) }
    }
}

impl ServiceClient {
    /// Sends a request and reads its JSON answer; an empty answer (204) reads as `null`, so take `()` for it.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        call: &Call,
        method: Method,
        path: &str,
        fill: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<T, ClientError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}/{}", self.base.path().trim_end_matches('/'), path.trim_start_matches('/')));
        let token = self.tokens.issue(&self.callee, call.claims.clone())?;
        let mut request = self.http.request(method, url).bearer_auth(token.expose());
        if let Ok(id) = HeaderValue::from_str(&call.claims.request_id)
            && !id.is_empty()
        {
            request = request.header("x-request-id", id);
        }
        if let Some(trace) = call.trace {
            request = request.header("traceparent", trace.to_string());
        }
        let answer = fill(request).send().await.map_err(ClientError::transport)?;
        let status = answer.status().as_u16();
        let body = postrider_http::body(answer, MOST_BYTES).await?;
        if !(200..300).contains(&status) {
            return Err(ClientError::Status { status, problem: problem(status, &body) });
        }
        let body = if body.is_empty() { b"null".as_slice() } else { &body };
        serde_json::from_slice(body).map_err(|error| ClientError::Answer(error.to_string()))
    }
}

/// The problem in an error answer; one made from the status if the body is something else.
fn problem(status: u16, body: &[u8]) -> Box<ProblemDocument> {
    let made = || ProblemDocument {
        kind: "about:blank".to_owned(),
        title: String::new(),
        status,
        detail: String::new(),
        code: crate::codes::of_status(status).to_owned(),
        request_id: None,
        errors: Vec::new(),
        extensions: serde_json::Map::new(),
    };
    Box::new(serde_json::from_slice(body).unwrap_or_else(|_| made()))
}
