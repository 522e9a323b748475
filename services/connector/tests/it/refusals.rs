//! What sync-worker tells when Gmail refuses an account for good.

use serde_json::{Value, json};

use crate::harness::{ANN, Answer, World};

async fn tell(world: &World, caller: &str, body: Value) -> Answer {
    let token = world.token(caller, "acme", "ann", "read");
    world.send(&world.replica.base, &token, "POST", "/internal/refusals", Some(body)).await
}

async fn shown(world: &World, id: &str) -> Value {
    world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await.body
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_a_person_can_end_asks_for_a_new_consent() {
    for reason in ["scope_missing", "domain_policy", "mail_service_off"] {
        let world = World::new().await;
        let id = world.connect("ann", ANN).await;
        let version = world.lease(&id, None).await.body["token_version"].as_i64().unwrap();
        let body = |version: i64| json!({"connector_id": id, "token_version": version, "reason": reason});
        // Of tokens from before a consent that came in between: nothing.
        assert_eq!(tell(&world, "sync-worker", body(version - 1)).await.body, json!({"applied": false}));
        assert_eq!(shown(&world, &id).await["status"], "active");
        assert_eq!(tell(&world, "sync-worker", body(version)).await.body, json!({"applied": true}), "{reason}");
        let now = shown(&world, &id).await;
        assert_eq!((&now["status"], &now["status_reason"]), (&json!("reauth_required"), &json!(reason)));
        assert_eq!(world.event_types(&id).await.last().unwrap(), "connector.reauth_required.v1");
        assert_eq!(world.lease(&id, None).await.code(), "reauth_required");
        // Again is harmless, and a new consent ends it.
        assert_eq!(tell(&world, "sync-worker", body(version)).await.body, json!({"applied": false}));
        assert_eq!(world.connect("ann", ANN).await, id);
        assert_eq!(
            (shown(&world, &id).await["status"].clone(), world.lease(&id, None).await.status),
            (json!("active"), 200)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_sync_worker_tells_and_only_what_there_is() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let body = json!({"connector_id": id, "token_version": 1, "reason": "scope_missing"});
    for caller in ["gateway", "notification"] {
        assert_eq!(tell(&world, caller, body.clone()).await.status, 403, "{caller}");
    }
    let unknown = json!({"connector_id": id, "token_version": 1, "reason": "access_not_configured"});
    assert_eq!(tell(&world, "sync-worker", unknown).await.status, 422);
    let nobody =
        json!({"connector_id": "01a1fc6b-d117-7254-af8a-1c26f22369f8", "token_version": 1, "reason": "scope_missing"});
    assert_eq!(tell(&world, "sync-worker", nobody).await.status, 404);
    assert_eq!(shown(&world, &id).await["status"], "active");
    // For itself, without a tenant.
    let own = world.own_token("sync-worker");
    let told = world.send(&world.replica.base, &own, "POST", "/internal/refusals", Some(body)).await;
    assert_eq!(told.body, json!({"applied": true}), "{}", told.text);
}
