//! A program that uses the public API through the gateway.

use domain::Secret;
use reqwest::{Method, StatusCode};
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
    pub body: Value,
}

impl Client {
    /// Calls `origin` with the token.
    pub fn new(origin: &str, token: Secret) -> Self {
        Self { http: http(), origin: origin.trim_end_matches('/').to_owned(), token }
    }

    /// One call; a body that is not JSON reads as null.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.origin)).bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.expect("the gateway answers");
        let status = response.status();
        let content_type =
            response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let body = response.json().await.unwrap_or(Value::Null);
        Answer { status, content_type, body }
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
#[expect(clippy::disallowed_methods, reason = "tests call from outside, as any program would")]
pub fn http() -> reqwest::Client {
    runtime::tls::install();
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(std::time::Duration::from_secs(60))
        .build()
        .unwrap_or_else(|_| reqwest::Client::new())
}
