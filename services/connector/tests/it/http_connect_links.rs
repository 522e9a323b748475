//! Connect links as their users see them: made, listed, taken back, and within their limits.

use chrono::TimeDelta;
use futures_util::future::join_all;
use postrider_connector::jobs::clean_states;
use postrider_gmail_sim::oauth::Death;
use postrider_storage::{Statement, Value as One};
use serde_json::{Value, json};

use crate::harness::{ANN, Answer, BEN, World};

const LINKS: &str = "/api/v1/connect-links";

pub async fn make(world: &World, user: &str, body: Value) -> Answer {
    world.call(user, "POST", LINKS, Some(body)).await
}

/// As a tenant's administrator.
pub async fn make_as_admin(world: &World, body: Value) -> Answer {
    let token = world.token("gateway", "acme", "root", "read write tenant:admin");
    world.send(&world.replica.base, &token, "POST", LINKS, Some(body)).await
}

async fn listed(world: &World, who: (&str, &str)) -> Vec<Value> {
    let answer = world.call_as(who, "GET", LINKS, None).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["data"].as_array().unwrap().clone()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_is_shown_once_kept_as_a_hash_and_taken_back_by_its_own_people_only() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let made = make(&world, "ann", json!({"connector_id": id, "return_to": "/done", "expires_in": 600})).await;
    assert_eq!((made.status, made.header("cache-control")), (201, "no-store"), "{}", made.text);
    let url = text(&made.body, "url");
    let word = url.strip_prefix("https://post.example/connect/").unwrap();
    assert_eq!(word.len(), 43);
    assert_eq!((text(&made.body, "email"), text(&made.body, "state")), (ANN, "live"));
    assert_eq!((text(&made.body, "user_id"), text(&made.body, "asked_by")), ("ann", "ann"));
    assert_eq!(text(&made.body, "return_to"), "https://post.example/done");
    // Nowhere in the row.
    let conn = world.db.admin().await;
    let row = "SELECT l::text AS value FROM connector.connect_links l";
    let row = Statement::dynamic(row.to_owned()).get_result::<One<String>>(&conn).await.unwrap().0;
    assert!(row.contains("ann") && !row.contains(word), "{row}");

    let own = listed(&world, ("acme", "ann")).await;
    assert_eq!((own.len(), own[0]["id"].clone(), own[0].get("url")), (1, made.body["id"].clone(), None));
    for stranger in [("acme", "ben"), ("other", "ann")] {
        assert!(listed(&world, stranger).await.is_empty());
        let path = format!("{LINKS}/{}", text(&made.body, "id"));
        assert_eq!(world.call_as(stranger, "DELETE", &path, None).await.status, 404);
    }
    let path = format!("{LINKS}/{}", text(&made.body, "id"));
    for _ in 0..2 {
        assert_eq!(world.call("ann", "DELETE", &path, None).await.status, 204);
    }
    assert_eq!(listed(&world, ("acme", "ann")).await[0]["state"], "revoked");
    for bad in ["x", "%00", "01a1fc6b-d117-7254-af8a-1c26f22369f8"] {
        assert_eq!(world.call("ann", "DELETE", &format!("{LINKS}/{bad}"), None).await.status, 404, "{bad}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_link_may_not_be_for_is_refused() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let bens = world.connect("ben", BEN).await;
    let theirs = world.connect_as(("other", "ann"), ANN).await;
    let own = |name: &str, value: Value| {
        let mut body = json!({"connector_id": id});
        body[name] = value;
        body
    };
    for (body, field) in [
        (json!({}), "connector_id"),
        (own("email", json!("x@example.com")), "email"),
        (json!({"email": "x@example.com"}), "email"),
        (json!({"email": "x@example.com", "user_id": "ann"}), "email"),
        (json!({"user_id": "ben", "email": "nobody"}), "email"),
        (json!({"connector_id": 7}), "connector_id"),
        (own("user_id", json!("a\u{0}")), "user_id"),
        (own("expires_in", json!(59)), "expires_in"),
        (own("expires_in", json!(604_801)), "expires_in"),
        (own("expires_in", json!(-1)), "expires_in"),
        (own("return_to", json!("//evil.example")), "return_to"),
        (own("token", json!("mine")), "token"),
    ] {
        let what = body.to_string();
        let answer = make(&world, "ann", body).await;
        assert_eq!(answer.status, 422, "{what}: {}", answer.text);
        assert!(answer.fields().contains(&field), "{what}: {:?}", answer.fields());
    }
    for (body, status) in [
        // Somebody else's, in the same tenant and in another one.
        (json!({"connector_id": bens}), 404),
        (json!({"connector_id": theirs}), 404),
        // For others one must be the tenant's administrator.
        (json!({"connector_id": bens, "user_id": "ben"}), 403),
        (json!({"email": "x@example.com", "user_id": "ben"}), 403),
    ] {
        let what = body.to_string();
        assert_eq!(make(&world, "ann", body).await.status, status, "{what}");
    }
    assert_eq!(make_as_admin(&world, json!({"connector_id": id, "user_id": "ben"})).await.status, 404);
    let reader = world.token("gateway", "acme", "ann", "read");
    let refused = world.send(&world.replica.base, &reader, "POST", LINKS, Some(json!({"connector_id": id}))).await;
    assert_eq!((refused.status, refused.code()), (403, "insufficient_scope"));
    world.call("ann", "DELETE", &format!("/api/connectors/{id}?erase=true"), None).await;
    let erased = make(&world, "ann", json!({"connector_id": id})).await;
    assert_eq!((erased.status, erased.code()), (409, "connector_disconnected"));
    assert!(listed(&world, ("acme", "ann")).await.is_empty());
    let none = World::with(&[("GOOGLE_CLIENT_ID", "")]).await;
    let answer = make(&none, "ann", json!({"connector_id": bens})).await;
    assert_eq!((answer.status, answer.code()), (503, "google_not_configured"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_twenty_at_most_however_they_are_asked_for() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let answers = join_all((0..24).map(|_| make(&world, "ann", json!({"connector_id": id, "expires_in": 60})))).await;
    let made: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(made.len(), 20);
    assert!(answers.iter().filter(|answer| answer.status != 201).all(|answer| answer.code() == "connect_links_full"));
    // An administrator's for the same user count too; those of others do not.
    let for_ann = json!({"email": "more@example.com", "user_id": "ann"});
    assert_eq!(make_as_admin(&world, for_ann.clone()).await.status, 409);
    assert_eq!(make_as_admin(&world, json!({"email": "more@example.com", "user_id": "ben"})).await.status, 201);
    let path = format!("{LINKS}/{}", text(&made[0].body, "id"));
    assert_eq!(world.call("ann", "DELETE", &path, None).await.status, 204);
    assert_eq!(make_as_admin(&world, for_ann.clone()).await.status, 201);
    assert_eq!(make_as_admin(&world, for_ann.clone()).await.status, 409);
    world.clock.advance(TimeDelta::seconds(61));
    assert_eq!(make_as_admin(&world, for_ann).await.status, 201);
    let (first, second) = (
        world.call("ann", "GET", &format!("{LINKS}?limit=15"), None).await.body,
        listed(&world, ("acme", "ann")).await,
    );
    assert_eq!((first["data"].as_array().unwrap().len(), second.len()), (15, 22));
    let next =
        world.call("ann", "GET", &format!("{LINKS}?limit=15&cursor={}", text(&first, "next_cursor")), None).await;
    assert_eq!((next.body["data"].as_array().unwrap().len(), &next.body["next_cursor"]), (7, &Value::Null));
    // Long after their end they are forgotten.
    world.clock.advance(TimeDelta::days(92));
    assert_eq!(clean_states::turn(world.state()).await.unwrap(), 23);
    assert!(listed(&world, ("acme", "ann")).await.is_empty());
}

async fn mint(world: &World, caller: &str, tenant: &str, id: &str) -> Answer {
    let token = world.token(caller, tenant, "ann", "read");
    let body = json!({"connector_id": id});
    world.send(&world.replica.base, &token, "POST", "/internal/connect-links", Some(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn notification_gets_one_for_a_mail_while_a_consent_is_missing() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let early = mint(&world, "notification", "acme", &id).await;
    assert_eq!((early.status, early.code()), (409, "reauth_not_required"));
    let version = world.lease(&id, None).await.body["token_version"].as_i64();
    world.sim.sim().oauth.kill(&world.account(ANN), Death::Revoked);
    assert_eq!(world.lease(&id, version).await.code(), "reauth_required");
    for caller in ["gateway", "sync-worker"] {
        assert_eq!(mint(&world, caller, "acme", &id).await.status, 403, "{caller}");
    }
    assert_eq!(mint(&world, "notification", "other", &id).await.status, 404);
    let own = world.own_token("notification");
    let body = json!({"connector_id": id});
    let made = world.send(&world.replica.base, &own, "POST", "/internal/connect-links", Some(body)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert!(text(&made.body, "url").starts_with("https://post.example/connect/"));
    // A mail may be sent again and again: the three newest stay good.
    for _ in 0..30 {
        assert_eq!(mint(&world, "notification", "acme", &id).await.status, 201);
    }
    let answer = world.call("ann", "GET", &format!("{LINKS}?limit=100"), None).await.body;
    let links = answer["data"].as_array().unwrap();
    let live: Vec<_> = links.iter().enumerate().filter(|(_, link)| link["state"] == "live").map(|(n, _)| n).collect();
    assert_eq!((links.len(), live), (31, vec![28, 29, 30]));
    assert_eq!(links[30]["asked_by"], Value::Null);
    for body in [json!({}), json!({"connector_id": "x"}), json!({"connector_id": id, "more": 1})] {
        let token = world.token("notification", "acme", "ann", "read");
        let answer = world.send(&world.replica.base, &token, "POST", "/internal/connect-links", Some(body)).await;
        assert_eq!(answer.status, 422);
    }
    // No link stands in an event.
    for event in world.events(&id).await {
        assert!(!String::from_utf8_lossy(&event.payload).contains("connect/"), "{}", event.event_type);
    }
}

/// A gateway that died between effect and answer sends the write again, under the same id: one link, whose address is the
/// one that was told.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_write_makes_one_link() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let token = world.token("gateway", "acme", "ann", "read write");
    let again = async || {
        let request = world.http.post(format!("{}{LINKS}", world.replica.base)).bearer_auth(token.expose());
        let request = request.header("x-postrider-write-id", "0190f2d0-0000-5000-8000-000000000001");
        Answer::of(request.json(&json!({"connector_id": id})).send().await.unwrap()).await
    };
    let (one, two) = (again().await, again().await);
    assert_eq!((one.status, two.status, &one.body["id"]), (201, 201, &two.body["id"]), "{}", two.text);
    assert_eq!(listed(&world, ("acme", "ann")).await.len(), 1);
    let open = async |answer: &Answer| {
        let path = text(&answer.body, "url").strip_prefix("https://post.example").unwrap().to_owned();
        world.http.get(format!("{}{path}", world.replica.base)).send().await.unwrap().status().as_u16()
    };
    assert_eq!((open(&one).await, open(&two).await), (404, 200));
}
