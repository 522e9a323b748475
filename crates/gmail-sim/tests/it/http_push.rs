//! Pushes as a receiver sees them.

use std::sync::{Arc, Mutex};

use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::TimeDelta;
use postrider_gmail_sim::Deliver;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{ADDRESS, Client, eventually, start};

#[derive(Clone, Debug)]
struct Push {
    token: String,
    message_id_header: Option<String>,
    body: Value,
}

/// Answers pushes with the given statuses, then with 204.
struct Receiver {
    url: String,
    seen: Arc<Mutex<Vec<Push>>>,
    handle: actix_web::dev::ServerHandle,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

type Seen = Arc<Mutex<Vec<Push>>>;

async fn receiver(statuses: Vec<u16>) -> Receiver {
    let seen = Seen::default();
    let plan = Arc::new(Mutex::new(statuses.into_iter()));
    let data = (seen.clone(), plan);
    let handler = |request: HttpRequest,
                   body: web::Bytes,
                   data: web::Data<(Seen, Arc<Mutex<std::vec::IntoIter<u16>>>)>| async move {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        let token = header("authorization").unwrap_or_default().replace("Bearer ", "");
        let body = serde_json::from_slice(&body).unwrap();
        data.0.lock().unwrap().push(Push { token, message_id_header: header("x-goog-pubsub-message-id"), body });
        let status = data.1.lock().unwrap().next().unwrap_or(204);
        HttpResponse::build(StatusCode::from_u16(status).unwrap()).finish()
    };
    let server =
        HttpServer::new(move || App::new().app_data(web::Data::new(data.clone())).default_service(web::to(handler)))
            .workers(1)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
    let url = format!("http://{}/push", server.addrs()[0]);
    let server = server.run();
    let handle = server.handle();
    tokio_util::task::TaskTracker::new().spawn(server);
    Receiver { url, seen, handle }
}

async fn watching(statuses: Vec<u16>, change: impl FnOnce(&mut postrider_gmail_sim::PushConfig)) -> (Client, Receiver) {
    let receiver = receiver(statuses).await;
    let url = receiver.url.clone();
    let client = start(0, |config| {
        config.push.endpoint = Some(url);
        config.push.audience = Some("https://app.example.com/push".into());
        change(&mut config.push);
    })
    .await;
    let body = json!({"topicName": client.server.sim().push_config().topic});
    let answer = client.call(Method::POST, "/gmail/v1/users/me/watch", Some(body)).await;
    let answer: Value = answer.json().await.unwrap();
    assert!(answer["historyId"].is_string() && answer["expiration"].is_string(), "{answer}");
    (client, receiver)
}

async fn count(receiver: &Receiver, count: usize) -> Vec<Push> {
    eventually(&format!("{count} pushes"), || async {
        let seen = receiver.seen.lock().unwrap();
        (seen.len() >= count).then(|| seen.clone())
    })
    .await
}

#[tokio::test]
async fn a_watch_pushes_at_once_signed_and_wrapped() {
    let (client, receiver) = watching(vec![], |_| ()).await;
    let push = count(&receiver, 1).await.remove(0);
    let message = &push.body["message"];
    let data: Value = serde_json::from_slice(&STANDARD.decode(message["data"].as_str().unwrap()).unwrap()).unwrap();
    let profile = client.gmail("/profile").await;
    assert_eq!(
        (data["emailAddress"].as_str(), data["historyId"].to_string()),
        (Some(ADDRESS), profile["historyId"].as_str().unwrap().to_owned())
    );
    assert_eq!(push.body["subscription"], client.server.sim().push_config().subscription);
    assert!(message["messageId"].is_string() && message["publishTime"].is_string());

    let header = jsonwebtoken::decode_header(&push.token).unwrap();
    assert_eq!(
        (header.alg, header.kid),
        (jsonwebtoken::Algorithm::RS256, Some(client.server.sim().keys.current().unwrap().kid.clone()))
    );
    let payload = push.token.split('.').nth(1).unwrap();
    let claims: Value =
        serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    assert_eq!((&claims["aud"], &claims["email_verified"]), (&json!("https://app.example.com/push"), &json!(true)));
    assert_eq!(claims["email"], client.server.sim().push_config().service_account);

    client.clock.advance(TimeDelta::seconds(2));
    client.server.world().deliver(ADDRESS, Deliver::default()).unwrap();
    let second = count(&receiver, 2).await.remove(1);
    assert_eq!(second.token, push.token, "one token serves for most of an hour");
    assert_ne!(second.body["message"]["messageId"], message["messageId"]);
}

#[tokio::test]
async fn a_nack_is_sent_again_with_the_same_message_id() {
    let (client, receiver) = watching(vec![503, 203], |push| push.dead_letter = true).await;
    for attempt in 1..=3 {
        let seen = count(&receiver, attempt).await;
        assert_eq!(seen.last().unwrap().body["deliveryAttempt"], attempt);
        if attempt < 3 {
            let due =
                eventually("a retry", || async { client.server.sim().push_queue(|queue| queue.next_due()) }).await;
            client.clock.set(due);
        }
    }
    let seen = count(&receiver, 3).await;
    assert!(seen.windows(2).all(|pair| pair[0].body["message"]["messageId"] == pair[1].body["message"]["messageId"]));
    let acked = || async { (client.server.sim().push_queue(|queue| queue.acked()) == 1).then_some(()) };
    eventually("the ack", acked).await;
    let log = client.call(Method::GET, "/_sim/pushes", None).await.json::<Value>().await.unwrap();
    let statuses: Vec<_> = log["log"].as_array().unwrap().iter().map(|line| line["status"].clone()).collect();
    assert_eq!(statuses, [json!(503), json!(203), json!(204)]);
    assert_eq!(log["outstanding"], 0);
}

#[tokio::test]
async fn the_unwrapped_form_and_faults() {
    let (client, receiver) = watching(vec![], |push| push.unwrapped = true).await;
    let first = count(&receiver, 1).await.remove(0);
    assert_eq!(first.body["emailAddress"], ADDRESS);
    assert!(first.message_id_header.is_some());

    client.sim(Method::PUT, "/push-faults", json!({"drop_next": 1, "duplicate_next": 1})).await;
    for _ in 0..2 {
        client.clock.advance(TimeDelta::seconds(2));
        client.sim(Method::POST, "/deliver", json!({"account": ADDRESS})).await;
        client.server.sim().push_queue(|_| ());
        let waiting = client.server.world().clone();
        eventually("the notification to be taken", || async { waiting.next_notification().is_none().then_some(()) })
            .await;
    }
    let seen = count(&receiver, 3).await;
    assert_eq!(seen[1].message_id_header, seen[2].message_id_header, "the first was dropped, the second came twice");
    assert_eq!(seen.len(), 3);
}
