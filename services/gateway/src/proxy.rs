//! Carries a request to a service and its answer back. Bodies of requests are bounded and read whole; answers are
//! streamed, so that a mail's source or an attachment never stands in memory here.

mod answer;
mod body;
mod shares;

use std::net::IpAddr;
use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use bytes::Bytes;
use postrider_domain::Secret;
use postrider_web::RequestContext;
use postrider_web::client::cause_of;
use postrider_web::extract::WRITE_ID_HEADER;
use postrider_web::service_tokens::TOKEN_HEADER;
use reqwest::{Client, Method, Response};
use url::Url;
use uuid::Uuid;

pub use answer::{pass, pass_changed, pass_head};
pub use body::{Bodies, Held, LONGEST, Sender};

use crate::config::Upstreams;
use crate::error::Error;
use crate::metrics::Metrics;
use crate::observe;
use crate::routes::Service;
use crate::rules::headers;

/// How long a connect may take: services are near.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a service may take to begin its answer. Above the longest a route waits (30 s for a sync or the feed).
const ANSWER: Duration = Duration::from_secs(40);
/// How long an answer may stall between two chunks. Event streams send something more often.
const STALL: Duration = Duration::from_secs(60);

/// The connections to the services.
#[derive(Debug, Clone)]
pub struct Proxy {
    client: Client,
    upstreams: Upstreams,
    metrics: Metrics,
}

/// A request on its way to a service.
pub struct Outgoing<'a> {
    pub request: &'a HttpRequest,
    pub method: Method,
    pub context: &'a RequestContext,
    /// Whom the request comes from.
    pub client: IpAddr,
    pub body: Bytes,
    /// Of a write that its client may repeat.
    pub write_id: Option<Uuid>,
    pub proof: Proof,
}

/// What a request bears towards its service.
#[derive(Debug, Default)]
pub struct Proof {
    /// What stands in `Authorization`, if anything.
    pub authorization: Option<Secret>,
    /// A token of ours beside it, for routes where `Authorization` is not ours to fill.
    pub beside: Option<Secret>,
}

/// Where a request goes.
#[derive(Debug, Clone)]
pub struct Target<'a> {
    /// Name for metrics and messages.
    pub name: &'static str,
    pub origin: &'a Url,
    /// Raw path and query.
    pub path: &'a str,
    pub query: &'a str,
}

impl Proxy {
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(upstreams: Upstreams, metrics: Metrics) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .read_timeout(STALL)
            .pool_idle_timeout(Duration::from_secs(30))
            .tcp_nodelay(true)
            .build()?;
        Ok(Self { client, upstreams, metrics })
    }

    /// The client, for the gateway's own questions to services.
    pub fn client(&self) -> Client {
        self.client.clone()
    }

    /// Where a service is.
    pub fn origin(&self, service: Service) -> &Url {
        self.upstreams.of(service)
    }

    /// Sends a request on and waits for the head of the answer.
    ///
    /// # Errors
    /// The service is down or late, or the path would change on the way.
    pub async fn send(&self, target: Target<'_>, outgoing: Outgoing<'_>) -> Result<Response, Error> {
        let url = join(target.origin, target.path, target.query).ok_or(Error::Path)?;
        let mut request = self.client.request(outgoing.method, url);
        let named = connection_header(outgoing.request.headers());
        for (name, value) in outgoing.request.headers() {
            if headers::passes_in(name.as_str(), &named) {
                request = request.header(name.as_str(), value.as_bytes());
            }
        }
        request = request
            .header("x-request-id", &outgoing.context.request_id)
            .header("traceparent", outgoing.context.trace.to_string())
            .header("x-forwarded-for", outgoing.client.to_string());
        let Proof { authorization, beside } = &outgoing.proof;
        for (name, value) in [("authorization", authorization), (TOKEN_HEADER, beside)] {
            if let Some(value) = value {
                request = request.header(name, value.expose());
            }
        }
        if let Some(id) = outgoing.write_id {
            request = request.header(WRITE_ID_HEADER, id.to_string());
        }
        // A GET with an empty body must stay one without.
        if !outgoing.body.is_empty() {
            request = request.body(outgoing.body);
        }
        let (reason, cause) = match tokio::time::timeout(ANSWER, request.send()).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(error)) => (if error.is_connect() { "connect" } else { "broken" }, cause_of(error)),
            Err(_elapsed) => ("late", "no answer within 40 s".to_owned()),
        };
        observe::unreachable(&self.metrics, target.name, reason, &cause);
        Err(Error::Unreachable(target.name))
    }
}

/// The names that `Connection` lists, lower case.
fn connection_header(headers: &HeaderMap) -> String {
    let listed: Vec<_> = headers.get_all("connection").filter_map(|value| value.to_str().ok()).collect();
    listed.join(",").to_ascii_lowercase()
}

/// The URL of a path at a service; none if parsing would turn the path into another one (dot segments and the like).
fn join(origin: &Url, path: &str, query: &str) -> Option<Url> {
    let mut url = origin.clone();
    url.set_path(path);
    url.set_query((!query.is_empty()).then_some(query));
    (url.path() == path).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_arrive_as_they_were_or_not_at_all() {
        let origin = Url::parse("http://127.0.0.1:8002/").unwrap();
        let url = join(&origin, "/api/v1/emails/a%2Fb", "q=x%20y&z").unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:8002/api/v1/emails/a%2Fb?q=x%20y&z");
        for path in ["/api/../internal/events", "/api/%2e%2e/internal", "/a\\b", "/a b"] {
            assert_eq!(join(&origin, path, ""), None, "{path}");
        }
    }
}
