//! Connectors as their owner handles them.

use postrider_contracts::connector::{ConnectorConnected, ConnectorUpdated};
use postrider_domain::Secret;
use postrider_gmail_sim::oauth::Death;
use serde_json::{Value, json};

use crate::harness::{ANN, Answer, BEN, READONLY, World};

async fn get(world: &World, id: &str) -> Answer {
    world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await
}

async fn post(world: &World, body: Value) -> Answer {
    world.call("ann", "POST", "/api/connectors", Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_or_a_refresh_token_connects() {
    let world = World::new().await;
    let code = world.code(ANN, &["openid", "email", READONLY]);
    let settings = json!({"polling_interval": "fast", "attachments": "eager"});
    let new =
        post(&world, json!({"type": "email", "provider": "gmail", "auth_code": code, "settings": settings})).await;
    assert_eq!(new.status, 201, "{}", new.body);
    assert_eq!(new.body["settings"]["polling_interval"], "fast");
    assert_eq!(new.header("location"), format!("/api/connectors/{}", new.body["id"].as_str().unwrap()));

    let token = world.refresh_token(BEN, &[READONLY]).await;
    let body = json!({"type": "email", "provider": "gmail", "refresh_token": token});
    let bare = post(&world, body.clone()).await;
    assert_eq!(
        (bare.status, &bare.body["config"]["google_sub"]),
        (201, &json!(format!("email:{BEN}"))),
        "{}",
        bare.body
    );
    let again = post(&world, body).await;
    assert_eq!((again.status, &again.body["id"]), (200, &bare.body["id"]));
    // The next consent names the account; its connector stays.
    let id = world.connect("ann", BEN).await;
    assert_eq!(bare.body["id"], id);
    assert_eq!(get(&world, &id).await.body["config"]["google_sub"], world.account(BEN).sub);
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_again_renews_and_another_account_is_another_connector() {
    let world = World::new().await;
    let first = world.connect("ann", ANN).await;
    let body = json!({"display_name": "Work", "settings": {"include_spam_trash": true}});
    assert_eq!(world.call("ann", "PATCH", &format!("/api/connectors/{first}"), Some(body)).await.status, 200);
    let second = world.connect("ann", ANN).await;
    assert_eq!(first, second);
    let shown = get(&world, &first).await.body;
    assert_eq!((&shown["display_name"], &shown["settings"]["include_spam_trash"]), (&json!("Work"), &json!(true)));
    assert_eq!(shown["version"], 3);
    assert_ne!(world.connect("ann", BEN).await, first);
    assert_ne!(world.connect("ben", ANN).await, first);
    assert_eq!(
        world.event_types(&first).await,
        ["connector.connected.v1", "connector.updated.v1", "connector.connected.v1"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_holds_a_secret() {
    let world = World::new().await;
    let token = world.refresh_token(ANN, &["openid", "email", READONLY]).await;
    let new = post(&world, json!({"type": "email", "provider": "gmail", "refresh_token": token})).await;
    let id = new.body["id"].as_str().unwrap().to_owned();
    let leased = world.lease(&id, None).await.body["token"].as_str().unwrap().to_owned();
    let list = world.call("ann", "GET", "/api/connectors", None).await;
    let patched = world.call("ann", "PATCH", &format!("/api/connectors/{id}"), Some(json!({}))).await;
    let ended = world.call("ann", "DELETE", &format!("/api/connectors/{id}"), None).await;
    for answer in [&new, &list, &patched, &ended, &get(&world, &id).await] {
        assert!(!answer.text.contains(&token) && !answer.text.contains(&leased), "{}", answer.text);
        assert!(!answer.text.contains("gAAAA"), "a sealed text left the service: {}", answer.text);
    }
    assert_eq!((&new.body["has_credentials"], &ended.body["has_credentials"]), (&json!(true), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_pages_and_shows_own_connectors_only() {
    let world = World::new().await;
    let (one, two) = (world.connect("ann", ANN).await, world.connect("ann", BEN).await);
    world.connect("ben", BEN).await;
    let first = world.call("ann", "GET", "/api/connectors?limit=1", None).await.body;
    assert_eq!(first["data"][0]["id"], one);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world.call("ann", "GET", &format!("/api/connectors?limit=1&cursor={cursor}"), None).await.body;
    assert_eq!((&second["data"][0]["id"], &second["next_cursor"]), (&json!(two), &Value::Null));
    assert_eq!(second["data"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_own_is_404_for_every_verb() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let before = get(&world, &id).await.body;
    for who in [("acme", "ben"), ("other", "ann")] {
        for (method, body) in [("GET", None), ("PATCH", Some(json!({"display_name": "x"}))), ("DELETE", None)] {
            let answer = world.call_as(who, method, &format!("/api/connectors/{id}"), body).await;
            assert_eq!((answer.status, answer.code()), (404, "not_found"), "{method} as {who:?}");
        }
        for path in ["/api/v1/gmail/watch/start", "/api/v1/gmail/watch/stop"] {
            let answer = world.call_as(who, "POST", path, Some(json!({"connector_id": id}))).await;
            assert_eq!(answer.status, 404, "{path} as {who:?}");
        }
        let token = world.token("sync-worker", "other", "ann", "read");
        let body = json!({"connector_id": id});
        let lease = world.send(&world.replica.base, &token, "POST", "/internal/token-leases", Some(body)).await;
        assert_eq!(lease.status, 404);
    }
    assert_eq!(get(&world, &id).await.body, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn pause_and_resume_are_published_and_repeats_are_not() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let path = format!("/api/connectors/{id}");
    for (wish, version) in [("paused", 2), ("paused", 2), ("active", 3)] {
        let answer = world.call("ann", "PATCH", &path, Some(json!({"status": wish}))).await;
        assert_eq!((&answer.body["status"], &answer.body["version"]), (&json!(wish), &json!(version)));
    }
    let events = world.events(&id).await;
    let states: Vec<_> = events[1..]
        .iter()
        .map(|event| event.decode::<ConnectorUpdated>().unwrap().connector.unwrap())
        .map(|state| (state.version, state.status))
        .collect();
    assert_eq!(states, [(2, "paused".to_owned()), (3, "active".to_owned())]);
    world.call("ann", "PATCH", &path, Some(json!({"status": "paused"}))).await;
    assert_eq!(world.lease(&id, None).await.code(), "connector_paused");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_revoke_only_a_new_consent_helps() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let path = format!("/api/connectors/{id}");
    world.sim.sim().oauth.kill(&world.account(ANN), Death::Revoked);
    let version = world.lease(&id, None).await.body["token_version"].as_i64().unwrap();
    assert_eq!(world.lease(&id, Some(version)).await.code(), "reauth_required");
    let shown = get(&world, &id).await.body;
    assert_eq!((&shown["status"], &shown["status_reason"]), (&json!("reauth_required"), &json!("invalid_grant")));
    assert_eq!(shown["has_credentials"], false);
    let resumed = world.call("ann", "PATCH", &path, Some(json!({"status": "active"}))).await;
    assert_eq!((resumed.status, resumed.code()), (409, "reauth_required"));
    assert_eq!(world.connect("ann", ANN).await, id);
    assert_eq!(get(&world, &id).await.body["status"], "active");
    assert_eq!(world.lease(&id, Some(version)).await.status, 200);
    assert_eq!(
        world.event_types(&id).await,
        ["connector.connected.v1", "connector.reauth_required.v1", "connector.connected.v1"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_refresh_token_the_old_one_stays() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let sim = world.sim.sim();
    let request = postrider_gmail_sim::oauth::Authorize {
        client_id: sim.oauth.config().client_id,
        redirect_uri: "https://post.example/gmail/auth/callback".to_owned(),
        scopes: ["openid", "email", READONLY].map(str::to_owned).to_vec(),
        challenge: None,
        nonce: None,
        offline: true,
        consent: false,
    };
    let again = sim.oauth.authorize(&world.account(ANN), request.clone(), sim.world.now());
    let answer = world.call("ann", "POST", "/api/auth/google/gmail", Some(json!({"auth_code": again}))).await;
    assert_eq!((answer.status, &answer.body["connector_id"]), (200, &json!(id)), "{}", answer.body);
    let version = world.lease(&id, None).await.body["token_version"].as_i64().unwrap();
    assert_eq!(world.lease(&id, Some(version)).await.status, 200);
    // Somebody without a credential cannot be connected that way.
    let again = sim.oauth.authorize(&world.account(ANN), request, sim.world.now());
    let answer = world.call("ben", "POST", "/api/auth/google/gmail", Some(json!({"auth_code": again}))).await;
    assert_eq!((answer.status, answer.code()), (422, "refresh_token_missing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_says_what_consumers_need_and_nothing_secret() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let event = world.events(&id).await.remove(0);
    let state = event.decode::<ConnectorConnected>().unwrap().connector.unwrap();
    assert_eq!((state.version, state.connector_id.as_str(), state.owner.as_str()), (1, id.as_str(), "ann"));
    assert_eq!((state.google_sub, state.email_address), (world.account(ANN).sub, ANN.to_owned()));
    assert_eq!((state.status.as_str(), state.erase), ("active", false));
    assert_eq!(state.settings.unwrap().attachment_max_bytes, 26_214_400);
    assert_eq!(event.tenant.unwrap().as_str(), "acme");
    let stored: Vec<postrider_storage::Value<String>> = {
        let tx = world.db.db.tenant(&postrider_domain::TenantId::parse("acme").unwrap()).await.unwrap();
        postrider_storage::sql("SELECT refresh_sealed AS value FROM credentials").load(&tx).await.unwrap()
    };
    assert!(
        postrider_google_auth::seal::Sealer::parse(&Secret::new(world.key.expose()))
            .unwrap()
            .open(&stored[0].0)
            .is_ok()
    );
}

/// `ingest-webhook` asks whose account a channel is for, in its user's name.
#[tokio::test(flavor = "multi_thread")]
async fn the_intake_reads_an_account_as_its_user_and_no_other() {
    let world = World::new().await;
    let path = format!("/api/connectors/{}", world.connect("ann", ANN).await);
    for (tenant, user, status) in [("acme", "ann", 200), ("acme", "ben", 404), ("other", "ann", 404)] {
        let token = world.token("ingest-webhook", tenant, user, "read");
        let answer = world.send(&world.replica.base, &token, "GET", &path, None).await;
        assert_eq!(answer.status, status, "{tenant} {user}: {}", answer.text);
    }
    let token = world.token("ingest-webhook", "acme", "ann", "read");
    let body = Some(json!({"connector_id": path.rsplit('/').next()}));
    assert_eq!(world.send(&world.replica.base, &token, "POST", "/internal/token-leases", body).await.status, 403);
}
