//! Who else is there: users with their accounts, the gateway that vouches for them, connector that leases tokens.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use postrider_domain::{Clock, ConnectorId, IdGen, SystemClock, SystemIds, TenantId, UserId};
use postrider_gmail_sim::Sim;
use postrider_testing::MockServer;
use postrider_web::service_tokens::Claims;
use postrider_web::{InternalKeys, InternalTokens, Scopes};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, Request, ResponseTemplate};

const READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";

/// An account of a user.
#[derive(Debug, Clone)]
pub struct Account {
    pub tenant: TenantId,
    pub user: UserId,
    pub id: ConnectorId,
    pub address: String,
}

impl Account {
    pub fn new(tenant: &str, user: &str, address: &str) -> Self {
        let (tenant, user) = (TenantId::parse(tenant).unwrap(), UserId::parse(user).unwrap());
        Self { tenant, user, id: ConnectorId(SystemIds.uuid()), address: address.to_owned() }
    }

    /// Somebody without accounts.
    pub fn stranger(tenant: &str, user: &str) -> Self {
        Self::new(tenant, user, "")
    }
}

/// What the gateway sends for a user.
pub fn token(tenant: &TenantId, user: &UserId, scopes: &str) -> String {
    let claims = Claims {
        tenant: Some(tenant.clone()),
        user: Some(user.clone()),
        scopes: Scopes::parse(scopes),
        request_id: "test".to_owned(),
    };
    let tokens = InternalTokens::new(InternalKeys::parse(&key_text()).unwrap(), "gateway", Arc::new(SystemClock));
    tokens.issue("sync-worker", claims).unwrap().expose().to_owned()
}

/// `INTERNAL_KEYS` of the service.
pub fn key_text() -> String {
    let key = format!("{}=", "A".repeat(43));
    ["gateway>sync-worker", "notification>sync-worker", "sync-worker>connector"]
        .map(|pair| format!("{pair}:{key}"))
        .join(",")
}

/// Leases a token for every account that is known, and has no events to catch up with.
pub async fn connector(sim: Sim) -> (MockServer, Arc<Mutex<HashMap<ConnectorId, String>>>) {
    let leasable: Arc<Mutex<HashMap<ConnectorId, String>>> = Arc::default();
    let server = MockServer::start().await;
    let known = leasable.clone();
    let lease = move |request: &Request| {
        let body: Value = request.body_json().unwrap();
        let id: ConnectorId = body["connector_id"].as_str().unwrap().parse().unwrap();
        let account = known.lock().unwrap().get(&id).and_then(|address| sim.world.account(address));
        let Some(account) = account else {
            return ResponseTemplate::new(409).set_body_json(json!({"code": "connector_disconnected", "status": 409}));
        };
        let token = sim.oauth.issue_access(&account, &[READONLY], sim.world.now());
        let expires_at = SystemClock.now() + TimeDelta::minutes(55);
        ResponseTemplate::new(200).set_body_json(json!({"token": token, "expires_at": expires_at, "token_version": 1}))
    };
    Mock::given(method("POST")).and(path("/internal/token-leases")).respond_with(lease).mount(&server).await;
    let nothing = ResponseTemplate::new(200).set_body_json(json!({"data": []}));
    Mock::given(method("GET")).respond_with(nothing).mount(&server).await;
    (server, leasable)
}
