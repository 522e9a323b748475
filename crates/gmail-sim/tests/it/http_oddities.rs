//! Oddities as they come over HTTP: broken answers, odd members, and their control.

use postrider_gmail_sim::Faults;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::client::{ADDRESS, Client, start};

const PROFILE: &str = "/gmail/v1/users/me/profile";

async fn get(client: &Client) -> reqwest::Result<Response> {
    client.http.get(format!("{}{PROFILE}", client.server.base_url())).bearer_auth(&client.token).send().await
}

/// Checks one way of travelling, however it was asked for.
async fn travels(client: &Client, way: &str) {
    let answer = get(client).await;
    match way {
        "reset" => assert!(answer.is_err(), "{answer:?}"),
        "html" => {
            let answer = answer.unwrap();
            let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
            assert_eq!((answer.status().as_u16(), kind.starts_with("text/html")), (500, true));
            assert!(answer.text().await.unwrap().contains("<title>Error 500"));
        }
        "chunked" => {
            let answer = answer.unwrap();
            assert!(!answer.headers().contains_key("content-length"));
            assert_eq!(answer.json::<Value>().await.unwrap()["emailAddress"], ADDRESS);
        }
        cut => {
            let answer = answer.unwrap();
            assert_eq!(answer.headers().contains_key("content-length"), cut == "cut");
            assert!(answer.bytes().await.is_err(), "{cut}");
        }
    }
}

async fn whole(client: &Client) {
    let answer = get(client).await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("content-length")), (200, true));
    assert_eq!(answer.json::<Value>().await.unwrap()["emailAddress"], ADDRESS);
}

#[tokio::test]
async fn answers_break_on_their_way_by_rule_and_by_rate() {
    let client = start(1, |_| ()).await;
    for way in ["chunked", "cut", "cut_chunked", "reset", "html"] {
        client.sim(Method::POST, "/faults", json!({"method": "getProfile", "transport": way})).await;
        travels(&client, way).await;
        client.call(Method::DELETE, "/_sim/faults", None).await;
        whole(&client).await;
    }
    for way in ["chunked", "reset", "html"] {
        client.sim(Method::PUT, "/quirks", json!({"account": ADDRESS, "quirks": {way: 1.0}})).await;
        travels(&client, way).await;
    }
    client.sim(Method::PUT, "/quirks", json!({"account": ADDRESS, "quirks": {"cut": 1.0}})).await;
    travels(&client, "cut").await;
    client.sim(Method::PUT, "/quirks", json!({"account": ADDRESS, "quirks": {}})).await;
    whole(&client).await;
}

#[tokio::test]
async fn members_are_missing_or_blank_and_records_are_bare() {
    let client = start(0, |_| ()).await;
    let before = client.gmail("/profile").await["historyId"].as_str().unwrap().to_owned();
    let quirks = json!({"no_date": 1.0, "no_raw": 1.0, "bare_added": 1.0, "unready_ms": 2_000});
    client.sim(Method::PUT, "/quirks", json!({"account": ADDRESS, "quirks": quirks})).await;
    let made = client.sim(Method::POST, "/deliver", json!({"account": ADDRESS, "labels": ["CHAT"], "n": 20})).await;
    let ids: Vec<String> = serde_json::from_value(made["ids"].clone()).unwrap();
    let mut forms = std::collections::BTreeSet::new();
    for id in &ids {
        let mail = client.gmail(&format!("/messages/{id}?format=raw")).await;
        let member = |name: &str| mail.get(name).and_then(Value::as_str).map(str::to_owned);
        forms.insert((member("raw"), member("internalDate")));
    }
    let some = |raw: Option<&str>, date: Option<&str>| (raw.map(str::to_owned), date.map(str::to_owned));
    let wanted = [(None, None), (None, Some("0")), (Some(""), None), (Some(""), Some("0"))];
    let wanted = wanted.map(|(raw, date)| some(raw, date));
    assert!(forms.iter().filter(|form| wanted.contains(form)).count() >= 3, "{forms:?}");

    let history = client.gmail(&format!("/history?startHistoryId={before}")).await;
    let record = &history["history"][0];
    assert!(record.get("messagesAdded").is_none() && record["messages"].is_array(), "{record}");

    client.sim(Method::POST, "/clock", json!({"advance_ms": 2_000})).await;
    let seen = client.call(Method::GET, &format!("/_sim/visibility?account={ADDRESS}"), None).await;
    assert_eq!(seen.json::<Value>().await.unwrap()["settled"], true);
    for id in &ids {
        let mail = client.gmail(&format!("/messages/{id}?format=raw")).await;
        assert!(mail["raw"].as_str().unwrap().len() > 10 && mail["internalDate"].as_str().unwrap().len() > 10);
    }
}

#[tokio::test]
async fn oddities_are_controlled_and_read() {
    let client = start(1, |config| config.faults = Faults::Lag).await;
    let quirks = async || {
        let answer = client.call(Method::GET, &format!("/_sim/quirks?account={ADDRESS}"), None).await;
        answer.json::<Value>().await.unwrap()
    };
    assert_eq!(quirks().await["true_head"], true);
    client.sim(Method::PUT, "/lag", json!({"account": ADDRESS, "ms": 500, "head": "with_records"})).await;
    assert_eq!(quirks().await["true_head"], false);
    client.sim(Method::PUT, "/lag", json!({"account": ADDRESS, "ms": 500, "head": "ahead"})).await;
    assert_eq!(quirks().await["true_head"], true);

    let profile = client.gmail("/profile").await["historyId"].as_str().unwrap().parse::<u64>().unwrap();
    client.sim(Method::POST, "/history-back", json!({"account": ADDRESS, "ms": 1_000})).await;
    assert!(client.gmail("/profile").await["historyId"].as_str().unwrap().parse::<u64>().unwrap() < profile);
    client.sim(Method::POST, "/clock", json!({"advance_ms": 1_000})).await;
    assert_eq!(client.gmail("/profile").await["historyId"], profile.to_string());

    let refused = async |path: &'static str, body: Value| {
        client.call(Method::PUT, &format!("/_sim{path}"), Some(body)).await.status().as_u16()
    };
    assert_eq!(refused("/quirks", json!({"account": ADDRESS, "quirks": {"typo": 1}})).await, 400);
    assert_eq!(refused("/quirks", json!({"account": ADDRESS, "quirks": {"stale": 1.5}})).await, 400);
    assert_eq!(refused("/lag", json!({"account": ADDRESS, "ms": 1, "head": "behind"})).await, 400);
    assert_eq!(refused("/lag", json!({"account": "nobody@example.com", "ms": 1})).await, 404);
}
