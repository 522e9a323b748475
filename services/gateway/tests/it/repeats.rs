//! Writes under an `Idempotency-Key`.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use postrider_domain::{MockClock, SystemClock};
use postrider_gateway::jobs::forget_old;
use postrider_gateway::store::{SPEC, migrations};
use postrider_testing::db::TestDb;
use postrider_testing::{MockServer, eventually};
use postrider_web::extract::WRITE_ID_HEADER;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::{Gateway, token, token_by};
use crate::keys::with_database;

const PATH: &str = "/api/notifications";

/// A write of `ann`'s.
fn write(gateway: &Gateway, key: &str, body: &Value) -> RequestBuilder {
    gateway.request(Method::POST, PATH).bearer_auth(token(json!({}))).header("idempotency-key", key).json(body)
}

async fn refused(answer: Response, status: u16, code: &str) {
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.json::<Value>().await.unwrap()["code"], code);
}

/// The service creates something, in its time.
async fn creates(server: &MockServer, delay: Duration) {
    let answer = ResponseTemplate::new(201).set_body_json(json!({"data": {"id": 7}})).set_delay(delay);
    let answer = answer.insert_header("location", "/api/notifications/7");
    Mock::given(method("POST")).and(path(PATH)).respond_with(answer).with_priority(1).mount(server).await;
}

/// The ids of the writes that reached the service.
async fn ids(server: &MockServer) -> Vec<String> {
    let requests = server.received_requests().await.unwrap();
    requests.iter().map(|request| request.headers[WRITE_ID_HEADER].to_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_repeats_over_two_replicas_have_one_effect() {
    let (one, db) = with_database().await;
    creates(&one.services.notification, Duration::from_millis(300)).await;
    let upstream: url::Url = one.services.notification.uri().parse().unwrap();
    let two = Gateway::start_on(db.url.clone(), Arc::new(SystemClock), |mut config| {
        config.upstreams.notification = upstream;
        config
    })
    .await;
    let body = json!({"title": "a", "message": "b"});
    let all = (0..50).map(|n| write(if n % 2 == 0 { &one } else { &two }, "once", &body).send());
    let answers = join_all(all).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.as_ref().unwrap().status().as_u16()).collect();
    statuses.sort_unstable();
    statuses.dedup();
    assert!(statuses == [201, 409] || statuses == [201], "{statuses:?}");
    for answer in answers {
        let answer = answer.unwrap();
        if answer.status() == 409 {
            let wait: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait));
            refused(answer, 409, "idempotency_key_in_use").await;
        }
    }
    let again = write(&two, "once", &body).send().await.unwrap();
    assert_eq!((again.status().as_u16(), &again.headers()["idempotency-replayed"]), (201, &"true".parse().unwrap()));
    assert_eq!(again.headers()["location"], "/api/notifications/7");
    assert_eq!(again.json::<Value>().await.unwrap(), json!({"data": {"id": 7}}));
    assert_eq!(ids(&one.services.notification).await.len(), 1);
    // The row tells nobody what the answer was.
    let admin = db.admin().await;
    let kept = postrider_storage::sql("SELECT answer_sealed AS value FROM gateway.idempotency_keys")
        .load::<postrider_storage::Value<String>>(&admin)
        .await
        .unwrap();
    assert!(kept.len() == 1 && !kept[0].0.contains("data"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_request_under_a_key_is_refused_and_other_users_have_their_own() {
    let (gateway, _db) = with_database().await;
    creates(&gateway.services.notification, Duration::ZERO).await;
    let body = json!({"title": "a"});
    assert_eq!(write(&gateway, "k", &body).send().await.unwrap().status(), 201);
    let account = write(&gateway, "k", &body).header("x-account-id", "0199");
    for other in [write(&gateway, "k", &json!({"title": "b"})), account] {
        refused(other.send().await.unwrap(), 422, "idempotency_key_reused").await;
    }
    // Who may only read is not given what a write was answered.
    let reader = gateway.request(Method::POST, PATH).bearer_auth(token(json!({"scope": "read"})));
    let answer = reader.header("idempotency-key", "k").json(&body).send().await.unwrap();
    assert!(!answer.headers().contains_key("idempotency-replayed"));
    let bob = gateway.request(Method::POST, PATH).bearer_auth(token(json!({"sub": "bob"})));
    assert_eq!(bob.header("idempotency-key", "k").json(&body).send().await.unwrap().status(), 201);
    let requests = gateway.services.notification.received_requests().await.unwrap();
    let ids: Vec<_> = requests.iter().filter_map(|request| request.headers.get(WRITE_ID_HEADER)).collect();
    assert!(requests.len() == 3 && ids.len() == 2 && ids[0] != ids[1], "{ids:?}");
    for key in ["", "a b", &"x".repeat(256)] {
        refused(write(&gateway, key, &body).send().await.unwrap(), 422, "invalid_request").await;
    }
    let twice = write(&gateway, "k", &body).header("idempotency-key", "l");
    refused(twice.send().await.unwrap(), 422, "invalid_request").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_write_leaves_its_key_free() {
    let (gateway, _db) = with_database().await;
    let server = &gateway.services.notification;
    for status in [422, 409, 503, 500] {
        let answer = ResponseTemplate::new(status).set_body_json(json!({"code": "x"}));
        Mock::given(method("POST")).respond_with(answer).up_to_n_times(1).with_priority(1).mount(server).await;
        assert_eq!(write(&gateway, "k", &json!({"n": status})).send().await.unwrap().status(), status);
    }
    creates(server, Duration::ZERO).await;
    assert_eq!(write(&gateway, "k", &json!({"n": 0})).send().await.unwrap().status(), 201);
}

/// It may have had its effect: its repeat goes on at once and names the same write.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_goes_on_at_once_under_its_id() {
    let (gateway, _db) = with_database().await;
    let server = &gateway.services.notification;
    let failed = ResponseTemplate::new(503);
    Mock::given(method("POST")).respond_with(failed).up_to_n_times(2).with_priority(1).mount(server).await;
    creates(server, Duration::ZERO).await;
    for (n, status) in [(0, 503), (0, 503), (1, 201)] {
        assert_eq!(write(&gateway, "k", &json!({"n": n})).send().await.unwrap().status(), status);
    }
    let ids = ids(server).await;
    assert!(ids[0] == ids[1] && ids[1] != ids[2], "{ids:?}");
    refused(write(&gateway, "k", &json!({"n": 0})).send().await.unwrap(), 422, "idempotency_key_reused").await;
}

/// The client goes, the write does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_client_left_is_answered_to_the_repeat() {
    let (gateway, _db) = with_database().await;
    creates(&gateway.services.notification, Duration::from_millis(500)).await;
    let body = json!({"title": "a"});
    let left = write(&gateway, "k", &body).timeout(Duration::from_millis(250)).send().await;
    assert!(left.unwrap_err().is_timeout());
    let repeat = || async {
        let answer = write(&gateway, "k", &body).send().await.unwrap();
        (answer.status() == 201).then_some(answer)
    };
    let answer = eventually("the kept answer", Duration::from_secs(20), repeat).await;
    assert_eq!(answer.headers()["idempotency-replayed"], "true");
    assert_eq!(ids(&gateway.services.notification).await.len(), 1);
}

/// As after a kill -9 between effect and answer: the claim runs out, and the repeat names the same write.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_runs_out_after_a_minute_and_a_key_after_a_day() {
    let db = TestDb::fresh(SPEC, migrations).await;
    let clock = MockClock::default();
    let gateway = Gateway::start_on(db.url.clone(), Arc::new(clock.clone()), |config| config).await;
    let server = &gateway.services.notification;
    creates(server, Duration::ZERO).await;
    let body = json!({"title": "a"});
    let write = |body: &Value| {
        let bearer = token_by(&clock, json!({}));
        gateway.request(Method::POST, PATH).bearer_auth(bearer).header("idempotency-key", "k").json(body)
    };
    assert_eq!(write(&body).send().await.unwrap().status(), 201);
    let admin = db.admin().await;
    let unanswered = "UPDATE gateway.idempotency_keys SET answer_sealed = NULL";
    assert_eq!(postrider_storage::sql(unanswered).execute(&admin).await.unwrap(), 1);
    refused(write(&body).send().await.unwrap(), 409, "idempotency_key_in_use").await;
    // Claims run by the database's clock: a replica that is ahead takes nothing over.
    clock.advance(TimeDelta::seconds(61));
    refused(write(&body).send().await.unwrap(), 409, "idempotency_key_in_use").await;
    let over = "UPDATE gateway.idempotency_keys SET claimed_until = clock_timestamp()";
    assert_eq!(postrider_storage::sql(over).execute(&admin).await.unwrap(), 1);
    refused(write(&json!({"title": "b"})).send().await.unwrap(), 422, "idempotency_key_reused").await;
    let repeated = write(&body).send().await.unwrap();
    assert!(repeated.status() == 201 && !repeated.headers().contains_key("idempotency-replayed"));
    let named = ids(server).await;
    assert!(named.len() == 2 && named[0] == named[1], "{named:?}");
    clock.advance(TimeDelta::hours(24));
    assert_eq!(write(&json!({"title": "b"})).send().await.unwrap().status(), 201);
    let named = ids(server).await;
    assert!(named.len() == 3 && named[2] != named[0], "another day's write has the same id: {named:?}");
    clock.advance(TimeDelta::hours(25));
    assert_eq!(forget_old(&db.db, postrider_domain::Clock::now(&clock)).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_writes_without_a_key_need_no_database() {
    let gateway = Gateway::start().await;
    let read = gateway.request(Method::GET, PATH).bearer_auth(token(json!({}))).header("idempotency-key", "k");
    assert_eq!(read.send().await.unwrap().status(), 200);
    let plain = gateway.request(Method::POST, PATH).bearer_auth(token(json!({}))).json(&json!({}));
    assert_eq!(plain.send().await.unwrap().status(), 200);
    let keyed = write(&gateway, "k", &json!({})).send().await.unwrap();
    refused(keyed, 503, "database_unavailable").await;
    let requests = gateway.services.notification.received_requests().await.unwrap();
    assert!(requests.len() == 2 && requests.iter().all(|request| !request.headers.contains_key(WRITE_ID_HEADER)));
}
