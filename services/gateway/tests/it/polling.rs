//! Engine.IO polling over several replicas.

use postrider_testing::MockServer;
use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::{method, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::Gateway;

/// A replica that opens sessions with its own id and knows only those.
async fn replica(sid: &str) -> MockServer {
    let server = MockServer::start().await;
    let open = format!("0{}", json!({"sid": sid, "upgrades": ["websocket"], "pingInterval": 25000}));
    let open = ResponseTemplate::new(200).set_body_string(open).insert_header("content-type", "text/plain");
    Mock::given(method("GET")).and(query_param_is_missing("sid")).respond_with(open).mount(&server).await;
    let known = ResponseTemplate::new(200).set_body_string(format!("4{sid}"));
    Mock::given(query_param("sid", sid)).respond_with(known).mount(&server).await;
    server
}

fn sid_of(open: &str) -> String {
    let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
    open["sid"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_session_stays_on_the_replica_that_made_it() {
    let replicas = [replica("AAA").await, replica("BBB").await];
    let urls: Vec<url::Url> = replicas.iter().map(|replica| replica.uri().parse().unwrap()).collect();
    let gateway = Gateway::start_with(|mut config| {
        config.socketio = urls;
        config
    })
    .await;
    let get =
        |query: String| gateway.request(Method::GET, &format!("/socket.io/?EIO=4&transport=polling{query}")).send();
    let mut own = Vec::new();
    for _ in 0..4 {
        let sid = sid_of(&get(String::new()).await.unwrap().text().await.unwrap());
        for _ in 0..3 {
            let answer = get(format!("&sid={sid}")).await.unwrap();
            assert_eq!(answer.status(), 200, "{sid}");
            let answer = answer.text().await.unwrap();
            assert!(sid.ends_with(answer.get(1..).unwrap_or_default()), "{sid}: {answer}");
        }
        let post = gateway.request(Method::POST, &format!("/socket.io/?EIO=4&transport=polling&sid={sid}"));
        assert_eq!(post.body("40").send().await.unwrap().status(), 200);
        own.push(sid.split('.').nth(1).unwrap().to_owned());
    }
    assert!(own.contains(&"AAA".to_owned()) && own.contains(&"BBB".to_owned()), "{own:?}");
    let gone = get("&sid=00000000.XXX".to_owned()).await.unwrap();
    assert_eq!(gone.status(), 400);
    assert_eq!(gone.json::<Value>().await.unwrap()["code"], 1);
}

#[tokio::test]
async fn new_sessions_find_the_replica_that_is_up_and_a_single_one_is_not_tagged() {
    let up = replica("AAA").await;
    let dead = "http://127.0.0.1:1".parse().unwrap();
    let urls = vec![dead, up.uri().parse().unwrap()];
    let gateway = Gateway::start_with(|mut config| {
        config.socketio = urls;
        config
    })
    .await;
    for _ in 0..4 {
        let answer = gateway.request(Method::GET, "/socket.io/?EIO=4&transport=polling").send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    let one = vec![up.uri().parse().unwrap()];
    let single = Gateway::start_with(|mut config| {
        config.socketio = one;
        config
    })
    .await;
    let answer = single.request(Method::GET, "/socket.io/?EIO=4&transport=polling").send().await.unwrap();
    assert_eq!(sid_of(&answer.text().await.unwrap()), "AAA");
}

#[tokio::test]
async fn no_listener_is_503() {
    let gateway = Gateway::start_with(|mut config| {
        config.socketio = vec!["http://127.0.0.1:1".parse().unwrap()];
        config
    })
    .await;
    let answer = gateway.request(Method::GET, "/socket.io/?EIO=4&transport=polling").send().await.unwrap();
    assert_eq!(answer.status(), 503);
}
