//! The way out: one signed POST, whose answer is judged by its status alone.

use std::error::Error as _;
use std::time::Duration;

use chrono::DateTime;
use postrider_domain::Timestamp;
use postrider_http::SetupError;
use postrider_http::tls::client_config;
use reqwest::Client;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;

use super::guard::{GuardedResolver, Reach, Refused, Target};
use super::signature::{WebhookSecret, signatures};
use crate::rules::webhook::{Attempt, NoAnswer};

const CONNECT: Duration = Duration::from_secs(5);
/// From the call to the end of the answer.
pub const TOTAL: Duration = Duration::from_secs(15);
/// What of an answer's body is read so that its connection can serve again, and for how long.
const BODY: usize = 16 * 1024;
const BODY_PATIENCE: Duration = Duration::from_secs(1);

/// One message, as it goes out.
#[derive(Debug, Clone)]
pub struct Message {
    /// The same over all attempts.
    pub id: String,
    pub at: Timestamp,
    pub body: Vec<u8>,
}

/// Sends webhooks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct WebhookSender {
    client: Client,
    reach: Reach,
}

impl WebhookSender {
    /// An attempt takes `total` at most. It follows no redirects, obeys no proxy of the environment, and connects to no address that `reach` excludes.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(reach: Reach, total: Duration) -> Result<Self, SetupError> {
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .dns_resolver(GuardedResolver(reach).shared())
            .connect_timeout(CONNECT)
            .timeout(total)
            .pool_max_idle_per_host(2)
            .tls_backend_preconfigured(client_config()?)
            .user_agent(concat!("postrider/", env!("CARGO_PKG_VERSION"), " (webhooks)"))
            .build()
            .map_err(SetupError::Client)?;
        Ok(Self { client, reach })
    }

    /// How far it goes.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Tries once. The bytes that are signed are the bytes that are sent.
    pub async fn send(&self, url: &str, secrets: &[WebhookSecret], message: Message) -> Attempt {
        let timestamp = message.at.timestamp();
        let signed = signatures(secrets, &message.id, timestamp, &message.body);
        let signed = signed.and_then(|signed| Some((message.id.parse().ok()?, signed.parse().ok()?)));
        let Some((id, signature)) = signed else { return Attempt::Failed(NoAnswer::Secret) };
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (HeaderName::from_static("webhook-id"), id),
            (HeaderName::from_static("webhook-timestamp"), timestamp.into()),
            (HeaderName::from_static("webhook-signature"), signature),
        ];
        self.post(url, headers.into_iter().collect(), message.body, message.at).await
    }

    /// One POST to a place that its owner has named.
    pub async fn post(&self, url: &str, headers: HeaderMap, body: Vec<u8>, at: Timestamp) -> Attempt {
        let Ok(target) = Target::parse(url, self.reach) else { return Attempt::Failed(NoAnswer::Address) };
        let request = self.client.post(target.url().clone()).headers(headers).body(body);
        match request.send().await {
            Ok(answer) => {
                let status = answer.status().as_u16();
                let said = answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
                let retry_after = said.and_then(|text| wait(text, at));
                let _unread_is_dropped = tokio::time::timeout(BODY_PATIENCE, postrider_http::body(answer, BODY)).await;
                Attempt::Answered { status, retry_after }
            }
            Err(error) => Attempt::Failed(why(&error)),
        }
    }
}

/// `Retry-After`: seconds or a date.
fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let until = DateTime::parse_from_rfc2822(text.trim()).ok()?.to_utc();
    (until - now).to_std().ok()
}

fn why(error: &reqwest::Error) -> NoAnswer {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.is::<Refused>() {
            return NoAnswer::Address;
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        NoAnswer::Timeout
    } else if error.is_connect() && is_about_a_name(error) {
        NoAnswer::Name
    } else if error.is_connect() {
        NoAnswer::Connect
    } else {
        NoAnswer::Broken
    }
}

/// hyper-util tells failed look-ups by the word alone.
fn is_about_a_name(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if inner.to_string().contains("dns error") {
            return true;
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = DateTime::parse_from_rfc3339("2026-11-29T10:00:00Z").unwrap().to_utc();
        assert_eq!(wait(" 120 ", now), Some(Duration::from_secs(120)));
        assert_eq!(wait("Sun, 29 Nov 2026 10:02:00 GMT", now), Some(Duration::from_secs(120)));
        for odd in ["", "-1", "soon", "Sun, 29 Nov 2026 09:00:00 GMT"] {
            assert_eq!(wait(odd, now), None, "{odd}");
        }
    }
}
