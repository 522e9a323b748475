//! Bad input on every route: a 4xx problem document, nothing changed, never a 5xx.

use postrider_storage::Statement;
use serde_json::{Value, json};

use crate::harness::{ANN, Answer, World};

/// Everything the service stores, as one number.
async fn digest(world: &World) -> String {
    let conn = world.db.admin().await;
    // Of an event what it says: when it is marked as sent is the relay's own business.
    let outbox = "(SELECT id, event_type, stream, seq, payload FROM connector.outbox)";
    let tables = ["google_accounts", "connectors", "credentials", "watches", "grant_endings"];
    let tables = tables.map(|table| format!("connector.{table}")).into_iter().chain([outbox.to_owned()]);
    let digest = |table| format!("(SELECT coalesce(string_agg(t::text, '|' ORDER BY t::text), '') FROM {table} t)");
    let parts: Vec<String> = tables.map(digest).collect();
    let text = format!("SELECT md5({}) AS value", parts.join(" || "));
    Statement::dynamic(text).get_result::<postrider_storage::Value<String>>(&conn).await.unwrap().0
}

fn is_problem(answer: &Answer, wanted: &[u16], what: &str) {
    assert!(wanted.contains(&answer.status), "{what}: {} {}", answer.status, answer.text);
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    assert!(!answer.code().is_empty() && answer.body["request_id"].is_string(), "{what}: {}", answer.text);
}

async fn raw(world: &World, method: &str, path: &str, kind: &str, body: Vec<u8>) -> Answer {
    let token = world.token("gateway", "acme", "ann", "read write");
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let request = world.http.request(method, format!("{}{path}", world.replica.base)).bearer_auth(token.expose());
    Answer::of(request.header("content-type", kind).body(body).send().await.unwrap()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_queries_that_are_wrong_change_nothing() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let before = digest(&world).await;
    let one = format!("/api/connectors/{id}");
    let (gmail, many) = ("/api/auth/google/gmail", "/api/connectors");
    let (start, stop) = ("/api/v1/gmail/watch/start", "/api/v1/gmail/watch/stop");
    let base = json!({"type": "email", "provider": "gmail"});
    let with = |name: &str, value: Value| {
        let mut body = base.clone();
        body[name] = value;
        body
    };
    let table: Vec<(&str, &str, Value, &str)> = vec![
        ("POST", gmail, json!({}), "auth_code"),
        ("POST", gmail, json!({"auth_code": 7}), "auth_code"),
        ("POST", gmail, json!({"auth_code": ""}), "auth_code"),
        ("POST", gmail, json!({"auth_code": "a\u{0}b"}), "auth_code"),
        ("POST", gmail, json!({"auth_code": "x".repeat(5_000)}), "auth_code"),
        ("POST", gmail, json!({"auth_code": "x", "code_verifier": "ä"}), "code_verifier"),
        ("POST", gmail, json!({"auth_code": "x", "code_verifier": "a".repeat(42)}), "code_verifier"),
        ("POST", gmail, json!({"auth_code": "x", "code_verifier": "a".repeat(129)}), "code_verifier"),
        ("POST", gmail, json!({"auth_code": "x", "code_verifier": format!("{}+", "a".repeat(50))}), "code_verifier"),
        ("POST", gmail, json!({"auth_code": "x", "state": "nonsense"}), "state"),
        ("POST", gmail, json!({"auth_code": "x", "redirect_uri": "https://evil.example"}), "redirect_uri"),
        ("POST", gmail, json!({"auth_code": "x", "tenant": "other"}), "tenant"),
        ("POST", gmail, json!([]), "body"),
        ("POST", many, base.clone(), "auth_code"),
        (
            "POST",
            many,
            json!({"type": "email", "provider": "gmail", "auth_code": "x", "refresh_token": "y"}),
            "auth_code",
        ),
        ("POST", many, json!({"type": "sms", "provider": "gmail", "auth_code": "x"}), "type"),
        ("POST", many, json!({"type": "email", "provider": "outlook", "auth_code": "x"}), "provider"),
        ("POST", many, with("refresh_token", json!("1//nonsense")), "refresh_token"),
        ("POST", many, with("refresh_token", json!("a b")), "refresh_token"),
        ("POST", many, json!({"type": "email", "provider": "gmail", "refresh_token": "x", "state": "y"}), "state"),
        (
            "POST",
            many,
            json!({"type": "email", "provider": "gmail", "auth_code": "x", "settings": {"polling_interval": 0}}),
            "settings.polling_interval",
        ),
        (
            "POST",
            many,
            json!({"type": "email", "provider": "gmail", "auth_code": "x", "settings": {"poll": 1}}),
            "settings.poll",
        ),
        ("PATCH", &one, json!({"status": "disconnected"}), "status"),
        ("PATCH", &one, json!({"display_name": "  "}), "display_name"),
        ("PATCH", &one, json!({"display_name": "a\u{0}b"}), "display_name"),
        ("PATCH", &one, json!({"display_name": "x".repeat(201)}), "display_name"),
        ("PATCH", &one, json!({"owner": "ben"}), "owner"),
        ("PATCH", &one, json!({"settings": {"label_ids": ["a\u{0}"]}}), "settings.label_ids[0]"),
        (
            "PATCH",
            &one,
            json!({"settings": {"label_ids": vec!["x"; 101].iter().enumerate().map(|(n, x)| format!("{x}{n}")).collect::<Vec<_>>()}}),
            "settings.label_ids",
        ),
        ("PATCH", &one, json!({"settings": {"attachment_max_bytes": -1}}), "settings.attachment_max_bytes"),
        ("PATCH", &one, json!({"settings": {"attachment_max_bytes": 1.5}}), "settings.attachment_max_bytes"),
        ("PATCH", &one, json!({"settings": {"sync_since": "99999-01-01T00:00:00Z"}}), "settings.sync_since"),
        ("PATCH", &one, json!({"settings": []}), "settings"),
        ("POST", start, json!({"topic_name": "gmail"}), "topic_name"),
        ("POST", start, json!({"topic_name": "projects/p/topics/\u{0}"}), "topic_name"),
        ("POST", start, json!({"label_filter_action": "maybe"}), "label_filter_action"),
        ("POST", start, json!({"label_ids": (0..101).map(|n| format!("x{n}")).collect::<Vec<_>>()}), "label_ids"),
        ("POST", start, json!({"connector_id": "7"}), "connector_id"),
        ("POST", start, json!({"labels": []}), "labels"),
        ("POST", stop, json!({"connector_id": 7}), "connector_id"),
        ("POST", stop, json!({"all": true}), "all"),
    ];
    for (method, path, body, field) in table {
        let what = format!("{method} {path} {body}");
        let answer = world.call("ann", method, path, Some(body)).await;
        is_problem(&answer, &[422], &what);
        let fields = answer.fields();
        assert!(fields.iter().any(|named| named.starts_with(field)), "{what}: {fields:?}");
    }
    for path in [
        "/api/connectors?limit=0",
        "/api/connectors?limit=101",
        "/api/connectors?limit=x",
        "/api/connectors?page=1",
        "/api/connectors?cursor=%00",
        "/api/connectors?cursor=e30",
        "/gmail/auth/url?return_to=javascript:alert(1)",
        "/gmail/auth/url?next=/x",
        "/gmail/auth/callback?state=%00&code=x",
        "/gmail/auth/callback?state=a&state=b",
        "/gmail/auth/callback?code=%FF%FE&state=%FF",
    ] {
        is_problem(&world.call("ann", "GET", path, None).await, &[422], path);
    }
    is_problem(&world.call("ann", "DELETE", &format!("{one}?erase=maybe"), None).await, &[422], "erase");
    assert_eq!(digest(&world).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_json_not_an_id_or_not_a_route_is_told_apart() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let before = digest(&world).await;
    let writes = [
        ("POST", "/api/auth/google/gmail".to_owned()),
        ("POST", "/api/connectors".to_owned()),
        ("PATCH", format!("/api/connectors/{id}")),
        ("POST", "/api/v1/gmail/watch/start".to_owned()),
        ("POST", "/api/v1/gmail/watch/stop".to_owned()),
        ("POST", "/api/v1/connect-links".to_owned()),
    ];
    for (method, path) in &writes {
        for body in [b"{".to_vec(), b"\xff\xfe".to_vec(), b"auth_code=x".to_vec(), Vec::new()] {
            is_problem(&raw(&world, method, path, "application/json", body).await, &[400], path);
        }
        is_problem(&raw(&world, method, path, "text/plain", b"{}".to_vec()).await, &[415], path);
        is_problem(&raw(&world, method, path, "application/json", vec![b' '; 1_100_000]).await, &[413], path);
    }
    for bad in ["x", "00000000-0000-0000-0000-00000000000g", "%00", "..%2f", &"9".repeat(500)] {
        for method in ["GET", "DELETE"] {
            is_problem(&world.call("ann", method, &format!("/api/connectors/{bad}"), None).await, &[404], bad);
        }
    }
    is_problem(&world.call("ann", "PUT", "/api/connectors", None).await, &[405], "PUT");
    is_problem(&world.call("ann", "GET", "/api/connectorz", None).await, &[404], "no route");
    let form = raw(
        &world,
        "POST",
        "/gmail/auth/callback",
        "application/x-www-form-urlencoded",
        b"token=x&answer=yes".to_vec(),
    )
    .await;
    is_problem(&form, &[422], "confirm");
    let form = raw(&world, "POST", "/gmail/auth/callback", "application/json", b"{}".to_vec()).await;
    is_problem(&form, &[422], "confirm");
    assert_eq!(digest(&world).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_calls_must_be_proved() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let one = format!("/api/connectors/{id}");
    let guarded = [
        ("GET", "/gmail/auth/url"),
        ("POST", "/api/auth/google/gmail"),
        ("GET", "/api/connectors"),
        ("POST", "/api/connectors"),
        ("GET", one.as_str()),
        ("PATCH", one.as_str()),
        ("DELETE", one.as_str()),
        ("POST", "/api/v1/gmail/watch/start"),
        ("POST", "/api/v1/gmail/watch/stop"),
        ("GET", "/api/v1/connect-links"),
        ("POST", "/api/v1/connect-links"),
        ("DELETE", "/api/v1/connect-links/01a1fc6b-d117-7254-af8a-1c26f22369f8"),
        ("POST", "/internal/connect-links"),
        ("POST", "/internal/token-leases"),
        ("GET", "/internal/events?stream=x"),
        ("GET", "/internal/streams?changed_since=2020-01-01T00:00:00Z"),
    ];
    let forged = postrider_domain::Secret::new("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.");
    for (method, path) in guarded {
        let answer = world.send(&world.replica.base, &forged, method, path, Some(json!({"connector_id": id}))).await;
        is_problem(&answer, &[401], path);
    }
    let reader = world.token("gateway", "acme", "ann", "read");
    for (method, path, body) in [
        ("GET", "/gmail/auth/url", None),
        ("POST", "/api/connectors", Some(json!({"type": "email", "provider": "gmail", "auth_code": "x"}))),
        ("PATCH", &one, Some(json!({"display_name": "x"}))),
        ("DELETE", &one, None),
        ("POST", "/api/v1/gmail/watch/stop", None),
    ] {
        let answer = world.send(&world.replica.base, &reader, method, path, body).await;
        is_problem(&answer, &[403], path);
        assert_eq!(answer.code(), "insufficient_scope");
    }
    let token = world.token("sync-worker", "acme", "ann", "read");
    for body in [
        json!({}),
        json!({"connector_id": "x"}),
        json!({"connector_id": id, "newer_than": "1"}),
        json!({"connector_id": id, "more": 1}),
    ] {
        let answer = world.send(&world.replica.base, &token, "POST", "/internal/token-leases", Some(body)).await;
        is_problem(&answer, &[422], "lease");
    }
}
