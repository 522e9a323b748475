//! The control paths.

use postrider_gmail_sim::{SimConfig, SimServer};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{ADDRESS, start};

#[tokio::test]
async fn mail_arrives_moves_and_goes_and_the_truth_tells() {
    let client = start(2, |_| ()).await;
    let sim = |path: &'static str, body: Value| client.sim(Method::POST, path, body);
    let delivered =
        sim("/deliver", json!({"account": ADDRESS, "n": 3, "from": "Zoë <zoe@example.org>", "subject": "Grüße"})).await;
    let ids: Vec<String> = serde_json::from_value(delivered["ids"].clone()).unwrap();
    assert_eq!(ids.len(), 3);
    sim("/trash", json!({"account": ADDRESS, "ids": [ids[0]]})).await;
    sim("/relabel", json!({"account": ADDRESS, "ids": [ids[1]], "add": ["STARRED"], "remove": ["UNREAD"]})).await;
    sim("/delete", json!({"account": ADDRESS, "ids": [ids[2]]})).await;
    let draft = sim("/draft", json!({"account": ADDRESS, "subject": "one"})).await;
    let again = sim("/draft", json!({"account": ADDRESS, "subject": "two", "draft": draft["draft_id"]})).await;
    assert_ne!(draft["message_id"], again["message_id"]);
    let sent = sim("/send", json!({"account": ADDRESS, "draft": draft["draft_id"], "to": ADDRESS})).await;

    let text = client.call(Method::GET, &format!("/_sim/truth?account={ADDRESS}"), None).await.text().await.unwrap();
    let truth: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(truth.len(), 2 + 2 + 1);
    let labels = |id: &Value| truth.iter().find(|line| line["id"] == *id).map(|line| line["labels"].clone());
    assert_eq!(labels(&json!(ids[0])), Some(json!(["CATEGORY_PERSONAL", "TRASH", "UNREAD"])));
    assert_eq!(labels(&json!(ids[1])), Some(json!(["CATEGORY_PERSONAL", "INBOX", "STARRED"])));
    assert_eq!(labels(&json!(ids[2])), None);
    assert_eq!(labels(&sent["ids"][0]), Some(json!(["INBOX", "SENT", "UNREAD"])));

    let full = client.gmail(&format!("/messages/{}?format=metadata", ids[1])).await;
    let from = full["payload"]["headers"].as_array().unwrap().iter().find(|header| header["name"] == "From").unwrap();
    assert_eq!(from["value"], "=?UTF-8?B?Wm/Dqw==?= <zoe@example.org>");
}

#[tokio::test]
async fn mailboxes_are_made_on_demand_and_bad_calls_are_told() {
    let client = start(0, |_| ()).await;
    let made =
        client.sim(Method::POST, "/mailboxes", json!({"address": "big@example.com", "size": 20_000, "seed": 9})).await;
    assert!(made["sub"].is_string());
    let list = client.call(Method::GET, "/_sim/mailboxes", None).await.json::<Value>().await.unwrap();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["messages"]), (2, &json!(20_000)));
    let refused = async |path: &'static str, body: Value| {
        client.call(Method::POST, &format!("/_sim{path}"), Some(body)).await.status().as_u16()
    };
    assert_eq!(refused("/mailboxes", json!({"address": "big@example.com"})).await, 409);
    assert_eq!(refused("/mailboxes", json!({"address": "nonsense"})).await, 400);
    assert_eq!(refused("/deliver", json!({"account": "nobody@example.com"})).await, 404);
    assert_eq!(refused("/deliver", json!({"account": ADDRESS, "typo": 1})).await, 400);
    assert_eq!(refused("/delete", json!({"account": ADDRESS, "ids": ["00000000000000aa"]})).await, 404);
    assert_eq!(refused("/faults", json!({"status": 200})).await, 400);

    client.sim(Method::PUT, "/lag", json!({"account": ADDRESS, "ms": 3_000, "scope": "everything"})).await;
    client.sim(Method::PUT, "/quirks", json!({"account": ADDRESS, "quirks": {"empty_page": 0.5}})).await;
    client.sim(Method::PUT, "/retention", json!({"account": ADDRESS, "seconds": 60})).await;
    client.sim(Method::PUT, "/quota", json!({"named": "legacy"})).await;
    client.sim(Method::PUT, "/push", json!({"excess": "drop", "unwrapped": true})).await;
    assert!(client.server.sim().push_config().unwrapped);
    client.sim(Method::POST, "/labels", json!({"create": {"account": ADDRESS, "name": "New"}})).await;
    client.sim(Method::POST, "/recreate", json!({"account": ADDRESS, "size": 1})).await;
    client.sim(Method::POST, "/expire-history", json!({"account": ADDRESS})).await;
    client.sim(Method::POST, "/access-token", json!({"account": ADDRESS})).await;
}

#[tokio::test]
async fn listens_on_loopback_only_and_frees_its_port() {
    let open = SimConfig { addr: "0.0.0.0:0".parse().unwrap(), ..SimConfig::default() };
    assert!(SimServer::start(open).await.is_err());
    let client = start(0, |_| ()).await;
    let addr = client.server.addr();
    client.server.shutdown().await;
    std::net::TcpListener::bind(addr).unwrap();
}
