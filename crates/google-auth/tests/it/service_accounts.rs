//! Tokens of a service account, by its key and by the machine it runs on.

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_domain::{Clock, MockClock, Secret, SystemClock};
use postrider_gmail_sim::{SimConfig, SimServer};
use postrider_google_auth::service_account::{Identity, KeyFile, PUBSUB_SCOPE, ServiceAccountTokens, TokenError};
use serde_json::{Value, json};
use url::Url;

struct World {
    sim: SimServer,
    clock: MockClock,
    http: reqwest::Client,
    file: Value,
}

impl World {
    async fn start() -> Self {
        let clock = MockClock::at(SystemClock.now());
        let sim = SimServer::start(SimConfig { clock: Arc::new(clock.clone()), ..SimConfig::default() }).await.unwrap();
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let file = http.get(format!("{}/_sim/service-account", sim.base_url())).send().await.unwrap();
        let file = file.json().await.unwrap();
        Self { sim, clock, http, file }
    }

    fn key(&self, change: impl FnOnce(&mut Value)) -> Identity {
        let mut file = self.file.clone();
        change(&mut file);
        Identity::Key(Arc::new(KeyFile::parse(&Secret::new(file.to_string())).unwrap()))
    }

    fn tokens(&self, identity: Identity) -> ServiceAccountTokens {
        ServiceAccountTokens::new(identity, PUBSUB_SCOPE, Arc::new(self.clock.clone())).unwrap()
    }

    /// What Pub/Sub says to a token.
    async fn status(&self, token: &Secret) -> u16 {
        let url = format!("{}/v1/projects/sim-project/topics/gmail", self.sim.base_url());
        self.http.get(url).bearer_auth(token.expose()).send().await.unwrap().status().as_u16()
    }
}

#[tokio::test]
async fn both_kinds_give_tokens_that_pubsub_takes_until_they_are_spent() {
    let world = World::start().await;
    let machine = Identity::Machine(format!("{}/", world.sim.base_url()).parse::<Url>().unwrap());
    for identity in [world.key(|_| ()), machine] {
        let tokens = world.tokens(identity);
        let first = tokens.token().await.unwrap();
        assert_eq!(world.status(&first).await, 200);
        world.clock.advance(TimeDelta::minutes(50));
        assert_eq!(tokens.token().await.unwrap().expose(), first.expose());
        world.clock.advance(TimeDelta::minutes(6));
        let second = tokens.token().await.unwrap();
        assert_ne!(second.expose(), first.expose());
        assert_eq!(world.status(&second).await, 200);
        tokens.forget().await;
        assert_ne!(tokens.token().await.unwrap().expose(), second.expose());
    }
}

#[tokio::test]
async fn a_refusal_is_told_from_silence_and_holds_no_secret() {
    let world = World::start().await;
    let refused = world.tokens(world.key(|file| file["client_email"] = json!("somebody@else.example"))).token().await;
    assert_eq!(refused.unwrap_err(), TokenError::Refused("invalid_grant".to_owned()));
    let nobody = world.key(|file| file["token_uri"] = json!("http://127.0.0.1:1/token"));
    assert!(matches!(world.tokens(nobody).token().await, Err(TokenError::Unavailable(_))));
    // A clock that is wrong by more than an hour.
    let early = MockClock::at(world.clock.now() - TimeDelta::hours(3));
    let tokens = ServiceAccountTokens::new(world.key(|_| ()), PUBSUB_SCOPE, Arc::new(early)).unwrap();
    assert!(matches!(tokens.token().await, Err(TokenError::Refused(_))));
}

#[tokio::test]
async fn what_is_no_key_file_is_told_without_its_content() {
    let world = World::start().await;
    let parse = |text: String| KeyFile::parse(&Secret::new(text)).unwrap_err().to_string();
    let mut bare = world.file.clone();
    bare["private_key"] = json!("-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n");
    let mut partial = world.file.clone();
    partial.as_object_mut().unwrap().remove("client_email");
    for text in ["".to_owned(), "{}".to_owned(), "hunter2".to_owned(), bare.to_string(), partial.to_string()] {
        let told = parse(text);
        assert!(!told.contains("hunter2") && !told.is_empty(), "{told}");
    }
    let file = KeyFile::parse(&Secret::new(world.file.to_string())).unwrap();
    assert!(!format!("{file:?}").contains("PRIVATE"));
}
