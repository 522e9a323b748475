//! A program that uses the public API through the gateway.

use std::net::Ipv4Addr;

use postrider_domain::Secret;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// A caller with a token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    origin: String,
    token: Secret,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub content_type: String,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// Sends a request; a body that is not JSON reads as null.
    pub async fn to(request: RequestBuilder) -> Self {
        let response = request.send().await.expect("the gateway answers");
        let (status, headers) = (response.status(), response.headers().clone());
        let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let content_type = content_type.to_owned();
        let body = response.json().await.unwrap_or(Value::Null);
        Self { status, content_type, headers, body }
    }
}

impl Client {
    /// Calls `origin` with the token.
    pub fn new(origin: &str, token: Secret) -> Self {
        Self { http: http(), origin: origin.trim_end_matches('/').to_owned(), token }
    }

    /// A request with the token, for a body and headers of the caller's choice.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.origin)).bearer_auth(self.token.expose())
    }

    /// One call.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self.request(method, path);
        Answer::to(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    }

    /// A GET that must succeed.
    pub async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, None).await;
        assert!(answer.status.is_success(), "GET {path}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// A POST that must succeed.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, path, Some(body)).await;
        assert!(answer.status.is_success(), "POST {path}: {} {}", answer.status, answer.body);
        answer.body
    }
}

/// A plain HTTP client with cookies off and redirects left to the caller.
pub fn http() -> reqwest::Client {
    http_from(Ipv4Addr::LOCALHOST)
}

/// The same from another loopback address: the gateway counts callers without a token by their address.
#[expect(clippy::disallowed_methods, reason = "tests call from outside, as any program would")]
pub fn http_from(address: Ipv4Addr) -> reqwest::Client {
    postrider_runtime::tls::install();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .local_address(Some(address.into()))
        .timeout(std::time::Duration::from_secs(60))
        .build()
        .unwrap_or_else(|_| reqwest::Client::new())
}
