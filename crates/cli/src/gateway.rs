//! A client of the public API, with one user's token.

use anyhow::{Context as _, Result};
use postrider_domain::{AccountStatus, Secret};
use postrider_runtime::Env;
use postrider_runtime::config::ServiceUrl;
use reqwest::header::{COOKIE, SET_COOKIE};
use reqwest::{Client, Method, Response, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::http;
use crate::local::{Checkout, Settings, stack};
use crate::stack::{Lifetime, Member};
use crate::token;

/// The API as one user sees it.
#[derive(Debug, Clone)]
pub struct Gateway {
    client: Client,
    origin: String,
    token: Secret,
}

/// A connected account.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Connector {
    pub id: String,
    pub email_address: String,
    pub status: String,
    /// Grows with each change of it.
    #[serde(default)]
    pub version: i64,
}

impl Connector {
    /// Whether it works.
    pub fn is_active(&self) -> bool {
        self.status == AccountStatus::Active.as_str()
    }
}

/// A sign-in that was begun. Whoever ends it with the cookie is the one who began it.
#[derive(Debug, Clone)]
pub struct Consent {
    /// Google's consent page.
    pub url: Url,
    pub state: String,
    cookie: Secret,
}

#[derive(Deserialize)]
struct Start {
    url: Url,
    state: String,
}

/// A sync run, as far as progress needs it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SyncRun {
    pub id: String,
    pub connector_id: String,
    pub kind: String,
    pub state: String,
    pub listed: u64,
    pub fetched: u64,
    pub stored: u64,
    #[serde(default)]
    pub deleted: u64,
    pub total_estimate: u64,
    #[serde(default)]
    pub error: Option<String>,
    #[serde(default)]
    pub finished_at: Option<String>,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    #[serde(default)]
    next_cursor: Option<String>,
}

/// The gateway said no.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {status} {code} {detail}")]
pub struct Refused {
    pub path: String,
    pub status: StatusCode,
    /// Of the problem document; empty where there is none.
    pub code: String,
    pub detail: String,
}

/// Whether asking again later may help: the gateway does not answer, is asked too often, or cannot answer now.
pub fn passes(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<Refused>() {
        Some(refused) => refused.status == StatusCode::TOO_MANY_REQUESTS || refused.status.is_server_error(),
        None => error.chain().any(|cause| cause.is::<reqwest::Error>()),
    }
}

impl Gateway {
    /// A client for the gateway at an origin such as `http://127.0.0.1:8000`.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(origin: impl Into<String>, token: Secret) -> Result<Self> {
        Ok(Self { client: http::client()?, origin: origin.into(), token })
    }

    /// The gateway of this installation, as that user: the one `GATEWAY_URL` names where a `JWT_SECRET` is among the
    /// settings (a container, another machine), else that of this checkout's stack.
    ///
    /// # Errors
    /// There is no `JWT_SECRET`, or no stack.
    pub fn here(tenant: &str, user: &str) -> Result<Self> {
        let checkout = Checkout::find();
        let settings = Settings::of(&checkout)?;
        if ["JWT_SECRET", "JWT_SECRET_FILE"].iter().any(|name| settings.get(name).is_some()) {
            let env = Env::from_pairs(settings.into_variables());
            let origin = ServiceUrl::load(&env, "gateway")?.0;
            return Self::new(origin.as_str().trim_end_matches('/'), token::issue_by(&env, tenant, user)?);
        }
        let stack = stack(&checkout, Lifetime::UntilStopped)?;
        Self::new(stack.url(Member::Gateway), stack.token(tenant, user)?)
    }

    /// The user's accounts.
    ///
    /// # Errors
    /// The gateway does not answer, or refuses.
    pub async fn connectors(&self) -> Result<Vec<Connector>> {
        self.all("/api/connectors").await
    }

    /// All items of a list, page by page.
    ///
    /// # Errors
    /// The gateway does not answer, or refuses.
    pub async fn all<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<Vec<T>> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let place = cursor.as_deref().map(|cursor| ("cursor", cursor));
            let query: Vec<_> = [("limit", "100")].into_iter().chain(place).collect();
            let page: Page<T> = self.get(path, &query).await?;
            all.extend(page.data);
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(all),
            }
        }
    }

    /// The account with that address that works; one that does not, if there is no other.
    ///
    /// # Errors
    /// As [`Self::connectors`].
    pub async fn connector_of(&self, address: &str) -> Result<Option<Connector>> {
        let named = |one: &Connector| {
            one.email_address.eq_ignore_ascii_case(address) && one.status != AccountStatus::Disconnected.as_str()
        };
        let all: Vec<Connector> = self.connectors().await?.into_iter().filter(named).collect();
        let active = all.iter().position(Connector::is_active).unwrap_or(0);
        Ok(all.into_iter().nth(active))
    }

    /// The newest runs of an account; none while the sync-worker has not heard of the account yet.
    ///
    /// # Errors
    /// The gateway does not answer, or refuses.
    pub async fn sync_runs(&self, connector: &str) -> Result<Vec<SyncRun>> {
        let page = self.get::<Page<SyncRun>>("/api/v1/sync-runs", &[("limit", "100")]).await?;
        Ok(page.data.into_iter().filter(|run| run.connector_id == connector).collect())
    }

    /// One run; none while it is not known yet.
    ///
    /// # Errors
    /// The gateway does not answer, or refuses.
    pub async fn sync_run(&self, id: &str) -> Result<SyncRun> {
        self.get(&format!("/api/v1/sync-runs/{id}"), &[]).await
    }

    /// Begins a sign-in.
    ///
    /// # Errors
    /// The gateway does not answer, or refuses.
    pub async fn begin_consent(&self) -> Result<Consent> {
        let answer = self.send(Method::GET, "/gmail/auth/url", &[], None, None).await?;
        let cookie = answer.headers().get(SET_COOKIE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let cookie = Secret::new(cookie.split(';').next().unwrap_or_default());
        let start: Start = answer.json().await.context("/gmail/auth/url did not answer JSON")?;
        Ok(Consent { url: start.url, state: start.state, cookie })
    }

    /// Ends a sign-in at the address its browser was sent to; answers the account's id.
    ///
    /// # Errors
    /// The gateway does not answer, or refuses the code.
    pub async fn end_consent(&self, consent: &Consent, end: &Url) -> Result<String> {
        let query: Vec<_> = end.query_pairs().collect();
        let query: Vec<_> = query.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect();
        let cookie = Some(&consent.cookie);
        let answer: Value = self.send(Method::GET, "/gmail/auth/callback", &query, None, cookie).await?.json().await?;
        let id = answer.get("connector_id").and_then(Value::as_str).map(str::to_owned);
        id.context("the gateway named no account")
    }

    /// `GET` of a path with its query.
    ///
    /// # Errors
    /// The gateway does not answer, or refuses; the problem's detail is in the error.
    pub async fn get<T: serde::de::DeserializeOwned>(&self, path: &str, query: &[(&str, &str)]) -> Result<T> {
        let value = self.call(Method::GET, path, query, None).await?;
        serde_json::from_value(value).with_context(|| format!("{path} answered something else than expected"))
    }

    /// Any call with a JSON answer.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn call(&self, method: Method, path: &str, query: &[(&str, &str)], body: Option<Value>) -> Result<Value> {
        let answer = self.send(method, path, query, body, None).await?;
        let text = answer.text().await.unwrap_or_default();
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    /// An answer that is a success.
    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<Value>,
        cookie: Option<&Secret>,
    ) -> Result<Response> {
        let mut url = Url::parse(&format!("{}{path}", self.origin)).context("not a URL")?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut request = self.client.request(method, url).bearer_auth(self.token.expose());
        if let Some(body) = body {
            request = request.json(&body);
        }
        if let Some(cookie) = cookie {
            request = request.header(COOKIE, cookie.expose());
        }
        let answer = request
            .send()
            .await
            .map_err(reqwest::Error::without_url)
            .with_context(|| format!("{} does not answer: is the stack up?", self.origin))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        let text = answer.text().await.unwrap_or_default();
        let problem: Value = serde_json::from_str(&text).unwrap_or_default();
        let say = |member: &str| problem.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        Err(Refused { path: path.to_owned(), status, code: say("code"), detail: say("detail") }.into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::matchers::{method, path, query_param, query_param_is_missing};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    #[tokio::test]
    async fn accounts_beyond_the_first_page_are_found_and_refusals_are_told_apart() {
        let server = MockServer::start().await;
        let account = |id: &str| json!({"id": id, "email_address": format!("{id}@b.c"), "status": "active"});
        let page = |accounts: Value, next: Value| {
            ResponseTemplate::new(200).set_body_json(json!({"data": accounts, "next_cursor": next}))
        };
        let list = || Mock::given(method("GET")).and(path("/api/connectors"));
        let first = list().and(query_param_is_missing("cursor"));
        first.respond_with(page(json!([account("1"), account("2")]), json!("c"))).mount(&server).await;
        let second = list().and(query_param("cursor", "c"));
        second.respond_with(page(json!([account("3")]), Value::Null)).mount(&server).await;
        for (route, status) in [("/away", 503), ("/often", 429), ("/no", 401)] {
            let answer = ResponseTemplate::new(status).set_body_json(json!({"code": "c", "detail": "d"}));
            Mock::given(path(route)).respond_with(answer).mount(&server).await;
        }
        let gateway = Gateway::new(server.uri(), Secret::new("t")).unwrap();
        assert_eq!(gateway.connector_of("3@B.C").await.unwrap().unwrap().id, "3");
        let refused = async |path: &str| gateway.get::<Value>(path, &[]).await.unwrap_err();
        assert!(passes(&refused("/away").await) && passes(&refused("/often").await));
        let no = refused("/no").await;
        assert!(!passes(&no), "a wrong token stays wrong");
        assert_eq!(no.to_string(), "/no: 401 Unauthorized c d");
        let nobody = Gateway::new("http://127.0.0.1:1", Secret::new("t")).unwrap();
        assert!(passes(&nobody.connectors().await.unwrap_err()));
    }
}
