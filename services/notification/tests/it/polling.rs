//! The polling transport, by plain HTTP.

use postrider_notification::channels::socket::Settings;
use reqwest::Client;
use serde_json::{Value, json};

use crate::harness::{SOON, World, settings};
use crate::producer::{Account, mail};
use crate::tokens;

/// `Payload.max_decode_packets` of python-engineio: a client that is answered more at once drops its connection.
const PYTHON_READS: usize = 16;

#[tokio::test(flavor = "multi_thread")]
async fn a_polling_client_gets_live_events_and_replays() {
    let world = World::new().await;
    // Between two polls a loaded machine may need longer than other tests let a slow client take.
    let replica = world.replica(Settings { slow_after: SOON, ..settings() }).await;
    let account = Account::new("t1", "u1");
    world.fill(&account, 300).await;
    let client = Client::builder().no_proxy().build().unwrap();
    let base = format!("http://{}/socket.io/?EIO=4&transport=polling", replica.socket_url);
    let open = client.get(&base).send().await.unwrap().text().await.unwrap();
    let open: Value = serde_json::from_str(open.strip_prefix('0').unwrap()).unwrap();
    let url = format!("{base}&sid={}", open["sid"].as_str().unwrap());
    let post = async |body: String| {
        assert_eq!(client.post(&url).body(body).send().await.unwrap().text().await.unwrap(), "ok");
    };
    post(format!("40{}", json!({ "token": tokens::client(&account) }))).await;
    post("42[\"subscribe\",{\"room\":\"user:u1:notifications\"}]".to_owned()).await;
    // Answers wait in line with events.
    let pings: Vec<_> = (0..40).map(|n| format!("42{n}[\"ping\",{{\"timestamp\":{n}}}]")).collect();
    post(pings.join("\u{1e}")).await;
    let mut answers = 0;
    let mut numbers = Vec::new();
    let mut sent_live = false;
    while numbers.len() < 301 || answers < 40 {
        let answer = client.get(&url).send().await.unwrap();
        assert_eq!(answer.status(), 200, "after {}", numbers.len());
        let body = answer.text().await.unwrap();
        let packets = body.split('\u{1e}').count();
        assert!(packets <= PYTHON_READS, "{packets} packets in one answer");
        answers += body.split('\u{1e}').filter(|packet| packet.starts_with("43")).count();
        for packet in body.split('\u{1e}') {
            if packet == "2" {
                post("3".to_owned()).await;
            }
            if let Some(event) = packet.strip_prefix("42[\"notification:new_message\",") {
                let event: Value = serde_json::from_str(event.strip_suffix(']').unwrap()).unwrap();
                assert_eq!(event.get("replayed").is_some(), numbers.len() < 300);
                numbers.push(event["nseq"].as_i64().unwrap());
            }
        }
        if numbers.len() == 300 && !sent_live {
            sent_live = true;
            world.send(&account, &mail("live")).await;
        }
    }
    assert_eq!(numbers, (1..=301).collect::<Vec<_>>());
}
