//! A simulated Google in this process, and an OAuth client of ours at it.

use std::sync::Arc;

use postrider_domain::{Clock, Seams, Secret, SystemClock};
use postrider_gmail_sim::{MailboxSpec, SimConfig, SimServer};
use postrider_google_auth::oauth::{
    AuthorizeRequest, GMAIL_READONLY, Grant, OAuthClient, OAuthConfig, OAuthError, Scopes, random_token,
};
use postrider_google_auth::oidc::{Jwks, google_keys};
use url::Url;

pub const ADDRESS: &str = "demo@example.com";
const REDIRECT: &str = "http://localhost:8000/gmail/auth/callback";

pub struct World {
    pub sim: SimServer,
    pub oauth: OAuthClient,
    pub jwks: Jwks,
    seams: Seams,
}

impl World {
    /// A simulator with one empty mailbox.
    pub async fn start() -> Self {
        let config = SimConfig { mailboxes: vec![MailboxSpec::new(ADDRESS, 0)], ..SimConfig::default() };
        let issuer = config.issuer.clone();
        let (client_id, secret) = (config.oauth.client_id.clone(), config.oauth.client_secret.clone());
        let sim = SimServer::start(config).await.unwrap();
        let url = |path: &str| format!("{}{path}", sim.base_url()).parse::<Url>().unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let jwks = google_keys(url("/oauth2/v3/certs"), clock.clone()).unwrap();
        let config = OAuthConfig {
            client_id,
            client_secret: Secret::new(secret),
            auth_url: url("/o/oauth2/v2/auth"),
            token_url: url("/token"),
            revoke_url: url("/revoke"),
            issuer,
        };
        let oauth = OAuthClient::new(config, clock).unwrap();
        Self { sim, oauth, jwks, seams: Seams::system() }
    }

    /// Goes through the consent page; gives the code and the verifier, once the state came back.
    pub async fn consent(&self) -> (Secret, Secret) {
        let entropy = self.seams.entropy.as_ref();
        let (state, verifier) = (random_token(entropy), random_token(entropy));
        let url = self.oauth.authorize_url(&AuthorizeRequest {
            redirect_uri: REDIRECT,
            state: &state,
            verifier: &verifier,
            scopes: &Scopes::parse(&format!("openid email {GMAIL_READONLY}")),
            login_hint: None,
        });
        let answer = visit(&url).await;
        let back: Url = answer.parse().unwrap();
        let value = |name: &str| back.query_pairs().find(|(key, _)| key == name).unwrap().1.into_owned();
        assert_eq!(value("state"), state.expose());
        (Secret::new(value("code")), verifier)
    }

    pub async fn exchange(&self, code: &Secret, verifier: &Secret) -> Result<Grant, OAuthError> {
        self.oauth.exchange(code, Some(verifier), REDIRECT).await
    }
}

/// Where the page sends the browser.
async fn visit(page: &Url) -> String {
    let provider = rustls::crypto::ring::default_provider();
    let _already = provider.install_default();
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let answer = browser.get(page.clone()).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    answer.headers()["location"].to_str().unwrap().to_owned()
}
