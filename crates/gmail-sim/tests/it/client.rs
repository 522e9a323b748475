//! A simulator in this process and an HTTP client for it.

use std::future::Future;
use std::time::Duration;

use postrider_domain::{Clock, MockClock};
use postrider_gmail_sim::{MailboxSpec, SimConfig, SimServer, Sizes};
use reqwest::{Method, Response};
use serde_json::Value;

pub const ADDRESS: &str = "demo@example.com";

pub struct Client {
    pub server: SimServer,
    pub clock: MockClock,
    pub http: reqwest::Client,
    pub token: String,
}

/// A simulator with one mailbox of small mails, a clock that stands still, and a token with all scopes.
pub async fn start(size: u32, change: impl FnOnce(&mut SimConfig)) -> Client {
    let clock = MockClock::default();
    let mailbox = MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ADDRESS, size) };
    let mut config =
        SimConfig { mailboxes: vec![mailbox], clock: std::sync::Arc::new(clock.clone()), ..SimConfig::default() };
    change(&mut config);
    let server = SimServer::start(config).await.unwrap();
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let http = http.timeout(Duration::from_secs(20)).build().unwrap();
    let account = server.world().account(ADDRESS).unwrap();
    let token = server.sim().oauth.issue_access(&account, &["https://mail.google.com/"], clock.now());
    Client { server, clock, http, token }
}

impl Client {
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let url = format!("{}{path}", self.server.base_url());
        let request = self.http.request(method, url).bearer_auth(&self.token);
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.unwrap()
    }

    /// A Gmail GET below `users/me` that must succeed.
    pub async fn gmail(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, &format!("/gmail/v1/users/me{path}"), None).await;
        assert_eq!(answer.status(), 200, "{path}");
        answer.json().await.unwrap()
    }

    /// A Gmail GET that must fail: status and body.
    pub async fn refused(&self, path: &str) -> (u16, Value) {
        let answer = self.call(Method::GET, &format!("/gmail/v1/users/me{path}"), None).await;
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    /// A control call that must succeed.
    pub async fn sim(&self, method: Method, path: &str, body: Value) -> Value {
        let answer = self.call(method, &format!("/_sim{path}"), Some(body)).await;
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}

/// Looks again until something is there, at most ten seconds.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let found = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), found).await.unwrap_or_else(|_| panic!("never saw {what}"))
}
