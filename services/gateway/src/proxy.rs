//! Carries a request to a service and its answer back. Bodies of requests are bounded (1 MiB) and read whole; answers
//! are streamed, so that a mail's source or an attachment never stands in memory here.

mod answer;
mod body;

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderMap;
use bytes::Bytes;
use domain::Secret;
use reqwest::{Client, Method, Response};
use url::Url;
use web::{Problem, RequestContext};

pub use answer::{pass, pass_changed};
pub use body::{LONGEST, read};

use crate::config::Upstreams;
use crate::metrics::Metrics;
use crate::routes::Service;
use crate::rules::headers;

/// How long a connect may take: services are near.
const CONNECT: Duration = Duration::from_secs(2);
/// How long a service may take to begin its answer. Above the longest a route waits (30 s for a sync or the feed).
const ANSWER: Duration = Duration::from_secs(40);
/// How long an answer may stall between two chunks. Event streams send something more often.
const STALL: Duration = Duration::from_secs(60);
/// When to come back to a service that is down.
const RETRY: Duration = Duration::from_secs(2);

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
    pub context: &'a RequestContext,
    pub body: Bytes,
    /// What stands in `Authorization`, if anything.
    pub authorization: Option<Secret>,
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
    /// 503 when the service is down or late; 404 when the path would change on the way.
    pub async fn send(&self, target: Target<'_>, outgoing: Outgoing<'_>) -> Result<Response, Problem> {
        let url = join(target.origin, target.path, target.query).ok_or_else(Problem::not_found)?;
        let method = Method::from_bytes(outgoing.request.method().as_str().as_bytes()).unwrap_or(Method::GET);
        let mut request = self.client.request(method, url);
        let named = connection_header(outgoing.request.headers());
        for (name, value) in outgoing.request.headers() {
            if headers::passes_in(name.as_str(), &named) {
                request = request.header(name.as_str(), value.as_bytes());
            }
        }
        request = request
            .header("x-request-id", &outgoing.context.request_id)
            .header("traceparent", outgoing.context.trace.to_string());
        if let Some(peer) = outgoing.request.peer_addr() {
            request = request.header("x-forwarded-for", peer.ip().to_string());
        }
        if let Some(authorization) = &outgoing.authorization {
            request = request.header("authorization", authorization.expose());
        }
        // A GET with an empty body must stay one without.
        if !outgoing.body.is_empty() {
            request = request.body(outgoing.body);
        }
        match tokio::time::timeout(ANSWER, request.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                Err(self.down(target.name, if error.is_connect() { "connect" } else { "broken" }, &error))
            }
            Err(_elapsed) => Err(self.down(target.name, "late", &"no answer within 40 s")),
        }
    }

    fn down(&self, name: &'static str, reason: &str, error: &dyn std::fmt::Display) -> Problem {
        self.metrics.unreachable.with_label_values(&[name, reason]).inc();
        tracing::warn!(service = name, reason, error = %error, "{name} could not be asked");
        Problem::unavailable("service_unavailable", RETRY, format!("The service {name} does not answer at the moment."))
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
