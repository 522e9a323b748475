//! Pub/Sub's REST API: administration, and pulling instead of being pushed to.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use postrider_gmail_sim::Deliver;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{ADDRESS, Client, start};

const TOPIC: &str = "projects/p/topics/mail";
const PULL: &str = "projects/p/subscriptions/pull";
const PUBLISHER: &str = "serviceAccount:gmail-api-push@system.gserviceaccount.com";

/// A client whose token is that of an administrator.
async fn admin() -> Client {
    let mut client = start(0, |_| ()).await;
    let scopes = json!(["https://www.googleapis.com/auth/pubsub", "https://mail.google.com/"]);
    let made = client.sim(Method::POST, "/access-token", json!({"account": ADDRESS, "scopes": scopes})).await;
    made["access_token"].as_str().unwrap().clone_into(&mut client.token);
    client
}

async fn call(client: &Client, method: Method, path: &str, body: Value) -> (u16, Value) {
    let answer = client.call(method, &format!("/v1/{path}"), Some(body)).await;
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// A call that must succeed.
async fn done(client: &Client, method: Method, path: &str, body: Value) -> Value {
    let (status, answer) = call(client, method, path, body).await;
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

async fn ready() -> Client {
    let client = admin().await;
    done(&client, Method::PUT, TOPIC, json!({})).await;
    let policy = json!({"bindings": [{"role": "roles/pubsub.publisher", "members": [PUBLISHER]}]});
    done(&client, Method::POST, &format!("{TOPIC}:setIamPolicy"), json!({"policy": policy})).await;
    done(&client, Method::PUT, PULL, json!({"topic": TOPIC, "ackDeadlineSeconds": 20})).await;
    let watch = json!({"topicName": TOPIC});
    assert_eq!(client.call(Method::POST, "/gmail/v1/users/me/watch", Some(watch)).await.status(), 200);
    client
}

async fn pull(client: &Client) -> Vec<Value> {
    let body = json!({"maxMessages": 10, "returnImmediately": true});
    let answer = done(client, Method::POST, &format!("{PULL}:pull"), body).await;
    answer.get("receivedMessages").map(|list| list.as_array().unwrap().clone()).unwrap_or_default()
}

async fn settle(client: &Client, verb: &str, messages: &[Value], seconds: u32) {
    let ids: Vec<_> = messages.iter().map(|message| message["ackId"].clone()).collect();
    let body = json!({"ackIds": ids, "ackDeadlineSeconds": seconds});
    done(client, Method::POST, &format!("{PULL}:{verb}"), body).await;
}

#[tokio::test]
async fn topics_and_their_policies() {
    let client = admin().await;
    assert_eq!(call(&client, Method::GET, TOPIC, json!({})).await.1["error"]["status"], "NOT_FOUND");
    assert_eq!(done(&client, Method::PUT, TOPIC, json!({})).await["name"], TOPIC);
    let (status, again) = call(&client, Method::PUT, TOPIC, json!({})).await;
    assert_eq!((status, &again["error"]["status"]), (409, &json!("ALREADY_EXISTS")));

    // Gmail may not publish yet.
    let watch = json!({"topicName": TOPIC});
    let refused = client.call(Method::POST, "/gmail/v1/users/me/watch", Some(watch.clone())).await;
    assert_eq!(refused.status(), 403);
    let text = refused.text().await.unwrap();
    assert!(text.contains("User not authorized to perform this action"), "{text}");
    let get = format!("{TOPIC}:getIamPolicy");
    let read = done(&client, Method::GET, &get, json!({})).await;
    let wanted =
        json!({"bindings": [{"role": "roles/pubsub.publisher", "members": [PUBLISHER]}], "etag": read["etag"]});
    let set = format!("{TOPIC}:setIamPolicy");
    let written = done(&client, Method::POST, &set, json!({"policy": wanted})).await;
    assert_eq!(written, done(&client, Method::GET, &get, json!({})).await);
    assert_eq!(client.call(Method::POST, "/gmail/v1/users/me/watch", Some(watch)).await.status(), 200);

    let stale = json!({"policy": {"bindings": [], "etag": "AAAAAA=="}});
    assert_eq!(call(&client, Method::POST, &set, stale).await.1["error"]["status"], "ABORTED");

    // A grant under a condition is kept, needs version 3, and lets nobody publish.
    let binding =
        json!({"role": "roles/pubsub.publisher", "members": [PUBLISHER], "condition": {"expression": "false"}});
    let old = json!({"policy": {"bindings": [binding]}});
    assert_eq!(call(&client, Method::POST, &set, old).await.0, 400);
    let kept = done(&client, Method::POST, &set, json!({"policy": {"version": 3, "bindings": [binding]}})).await;
    assert_eq!((&kept["bindings"][0], &kept["version"]), (&binding, &json!(3)));
    let watch = json!({"topicName": TOPIC});
    assert_eq!(client.call(Method::POST, "/gmail/v1/users/me/watch", Some(watch)).await.status(), 403);
}

#[tokio::test]
async fn subscriptions_have_policies_expire_as_usual_and_lose_a_deleted_topic() {
    let client = admin().await;
    done(&client, Method::PUT, TOPIC, json!({})).await;
    let made = done(&client, Method::PUT, PULL, json!({"topic": TOPIC})).await;
    assert_eq!(made["expirationPolicy"], json!({"ttl": "2678400s"}));
    let bindings = json!([{"role": "roles/pubsub.subscriber", "members": ["user:ada@example.com"]}]);
    let set = format!("{PULL}:setIamPolicy");
    let written = done(&client, Method::POST, &set, json!({"policy": {"bindings": bindings}})).await;
    assert_eq!(written["bindings"], bindings);
    assert_eq!(done(&client, Method::GET, &format!("{PULL}:getIamPolicy"), json!({})).await, written);
    let stale = json!({"policy": {"bindings": [], "etag": "AAAAAA=="}});
    assert_eq!(call(&client, Method::POST, &set, stale).await.1["error"]["status"], "ABORTED");
    done(&client, Method::DELETE, TOPIC, json!({})).await;
    assert_eq!(call(&client, Method::GET, TOPIC, json!({})).await.0, 404);
    assert_eq!(done(&client, Method::GET, PULL, json!({})).await["topic"], "_deleted-topic_");
    // The one of the settings never expires, and says who signs its pushes.
    let usual = done(&client, Method::GET, "projects/sim-project/subscriptions/gmail-push", json!({})).await;
    assert_eq!(usual["expirationPolicy"], json!({}));
}

#[tokio::test]
async fn subscriptions_are_made_read_changed_and_deleted() {
    let client = admin().await;
    assert_eq!(call(&client, Method::PUT, PULL, json!({"topic": TOPIC})).await.0, 404, "no topic yet");
    done(&client, Method::PUT, TOPIC, json!({})).await;
    let wanted = json!({"topic": TOPIC, "expirationPolicy": {}});
    let made = done(&client, Method::PUT, PULL, wanted).await;
    assert_eq!((&made["name"], &made["ackDeadlineSeconds"]), (&json!(PULL), &json!(10)));
    assert_eq!(made["expirationPolicy"], json!({}));

    let patch = |members: Value, mask: &str| json!({"subscription": members, "updateMask": mask});
    let longer = patch(json!({"ackDeadlineSeconds": 60}), "ack_deadline_seconds");
    assert_eq!(done(&client, Method::PATCH, PULL, longer).await["ackDeadlineSeconds"], 60);
    let too_short = patch(json!({"ackDeadlineSeconds": 5}), "ackDeadlineSeconds");
    assert_eq!(call(&client, Method::PATCH, PULL, too_short).await.0, 400);
    assert_eq!(call(&client, Method::PATCH, PULL, patch(json!({"topic": "x"}), "topic")).await.0, 400);

    let token = json!({"serviceAccountEmail": "push@p.iam.gserviceaccount.com", "audience": "us"});
    let push = json!({"pushConfig": {"pushEndpoint": "http://127.0.0.1:1/push", "oidcToken": token}});
    done(&client, Method::PATCH, PULL, patch(push, "pushConfig")).await;
    let config = client.server.sim().push_config();
    assert_eq!((config.subscription.as_str(), config.topic.as_str()), (PULL, TOPIC));
    assert_eq!(config.endpoint.as_deref(), Some("http://127.0.0.1:1/push"));
    assert_eq!(config.audience.as_deref(), Some("us"));
    let body = json!({"maxMessages": 1});
    let (_, refused) = call(&client, Method::POST, &format!("{PULL}:pull"), body).await;
    assert_eq!(refused["error"]["status"], "FAILED_PRECONDITION");

    done(&client, Method::DELETE, PULL, json!({})).await;
    assert_eq!(call(&client, Method::GET, PULL, json!({})).await.0, 404);
    assert!(client.server.sim().push_config().endpoint.is_none());
    // The one of the settings is there from the start.
    let usual = client.server.sim().push_config();
    assert_ne!(usual.subscription, "");
    done(&client, Method::GET, "projects/sim-project/subscriptions/gmail-push", json!({})).await;
}

#[tokio::test]
async fn messages_are_pulled_until_they_are_acknowledged() {
    let client = ready().await;
    let first = pull(&client).await;
    assert_eq!(first.len(), 1, "a watch notifies at once");
    let data = STANDARD.decode(first[0]["message"]["data"].as_str().unwrap()).unwrap();
    let data: Value = serde_json::from_slice(&data).unwrap();
    let head = client.gmail("/profile").await["historyId"].as_str().unwrap().to_owned();
    assert_eq!((data["emailAddress"].as_str(), data["historyId"].to_string()), (Some(ADDRESS), head));
    assert!(pull(&client).await.is_empty(), "given out");

    client.clock.advance(TimeDelta::seconds(21));
    let again = pull(&client).await;
    assert_eq!(again[0]["message"]["messageId"], first[0]["message"]["messageId"]);
    assert_ne!(again[0]["ackId"], first[0]["ackId"]);
    settle(&client, "acknowledge", &first, 0).await;
    settle(&client, "modifyAckDeadline", &again, 0).await;
    let third = pull(&client).await;
    assert_eq!(third.len(), 1, "an old ack id does nothing, a deadline of 0 gives back at once");

    settle(&client, "modifyAckDeadline", &third, 600).await;
    client.clock.advance(TimeDelta::seconds(599));
    assert!(pull(&client).await.is_empty());
    settle(&client, "acknowledge", &third, 0).await;
    client.clock.advance(TimeDelta::seconds(700));
    assert!(pull(&client).await.is_empty());
    client.server.world().deliver(ADDRESS, Deliver::default()).unwrap();
    assert_eq!(pull(&client).await.len(), 1);
}

#[tokio::test]
async fn a_pull_waits_and_strangers_get_nothing() {
    let client = ready().await;
    let first = pull(&client).await;
    settle(&client, "acknowledge", &first, 0).await;
    client.clock.advance(TimeDelta::seconds(2));
    let path = format!("{PULL}:pull");
    let waiting = done(&client, Method::POST, &path, json!({"maxMessages": 5}));
    let later = async {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        client.server.world().deliver(ADDRESS, Deliver::default()).unwrap();
    };
    let (pulled, _) = tokio::join!(waiting, later);
    assert_eq!(pulled["receivedMessages"].as_array().unwrap().len(), 1);

    for (verb, body) in [
        ("pull", json!({"maxMessages": 0})),
        ("acknowledge", json!({"ackIds": []})),
        ("acknowledge", json!({"ackIds": ["nonsense"]})),
        ("modifyAckDeadline", json!({"ackIds": ["1-1"], "ackDeadlineSeconds": 601})),
    ] {
        assert_eq!(call(&client, Method::POST, &format!("{PULL}:{verb}"), body).await.0, 400, "{verb}");
    }
    let account = client.server.world().account(ADDRESS).unwrap();
    let mail_only =
        client.server.sim().oauth.issue_access(&account, &["https://mail.google.com/"], client.server.world().now());
    for (token, status) in [(mail_only.as_str(), 403), ("ya29.unknown", 401)] {
        let url = format!("{}/v1/{TOPIC}", client.server.base_url());
        assert_eq!(client.http.get(url).bearer_auth(token).send().await.unwrap().status().as_u16(), status);
    }
}
