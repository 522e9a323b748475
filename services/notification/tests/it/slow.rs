//! Clients that do not read, and clients that read much.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Replica, SOON, World, settings};
use crate::producer::Account;
use crate::tokens;

/// Between two looks at the metrics.
const LOOK: Duration = Duration::from_millis(50);

/// A websocket frame of a client: masked with zeros, so that the text stays readable.
fn frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u8::try_from(text.len()) {
        Ok(short) if short < 126 => frame.push(0x80 | short),
        _ => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend([0; 4]);
    frame.extend(text.as_bytes());
    frame
}

/// A client that subscribes and never reads again; by hand, with a tiny receive buffer.
pub async fn stalled(replica: &Replica, account: &Account) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stalled = socket.connect(replica.socket_url.parse().unwrap()).await.unwrap();
    let upgrade = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
                   Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stalled.write_all(upgrade.as_bytes()).await.unwrap();
    stalled.write_all(&frame(&format!("40{}", json!({ "token": tokens::client(account) })))).await.unwrap();
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("authenticated") {
        assert!(stalled.read_buf(&mut answer).await.unwrap() > 0);
    }
    let room = format!("42[\"subscribe\",{{\"room\":\"user:{}:notifications\"}}]", account.user);
    stalled.write_all(&frame(&room)).await.unwrap();
    stalled
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_reading_is_cut_and_the_others_lose_nothing() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.fill(&account, 5_000).await;
    let _stalled = stalled(&replica, &account).await;
    let mut healthy = replica.subscribed(&account).await;
    let told = healthy.expect_many("notification:new_message", 5_000).await;
    let numbers: Vec<i64> = told.iter().map(|event| event["nseq"].as_i64().unwrap()).collect();
    assert_eq!(numbers, (1..=5_000).collect::<Vec<_>>());
    let end = tokio::time::Instant::now() + SOON;
    while replica.metric("postrider_sockets_cut_total") < 1.0 || replica.metric("postrider_sockets") != 1.0 {
        assert!(tokio::time::Instant::now() < end, "the stalled socket is still here");
        healthy.next(LOOK).await;
    }
    let request = replica.request(&account, Method::POST, "/api/notifications");
    replica.call(request.json(&json!({ "title": "still", "message": "here" })), StatusCode::CREATED).await;
    assert_eq!(healthy.expect("notification:custom").await["nseq"], 5_001);
}

/// What waits for it fits into our buffers for a long time: the kernel sees that it takes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_takes_nothing_of_a_little_is_ended_and_counted() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let _stalled = stalled(&replica, &account).await;
    let end = tokio::time::Instant::now() + 2 * SOON;
    let mut sent = 0;
    while replica.metric("postrider_sockets_cut_total") < 1.0 {
        assert!(tokio::time::Instant::now() < end, "{sent} events later the socket is still here");
        let request = replica.request(&account, Method::POST, "/api/notifications");
        replica.call(request.json(&json!({ "title": "little", "message": "m" })), StatusCode::CREATED).await;
        sent += 1;
        tokio::time::sleep(2 * LOOK).await;
    }
    assert!(sent < 250, "{sent} events fill what we hold as well");
    postrider_testing::eventually("the end of its session", SOON, || async {
        (replica.metric("postrider_sockets") == 0.0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_ends_when_its_token_does() {
    const ALL: i64 = 20_000;
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.fill(&account, ALL).await;
    // Small buffers and a measured pace: the whole replay would take much longer than the token lives.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(replica.socket_url.parse().unwrap()).await.unwrap();
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", replica.socket_url);
    let (mut ws, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
    // The issuer's clock may be 30 s off, so this token has five seconds left.
    let token =
        tokens::sign(&json!({ "alg": "HS256" }), &tokens::payload(&account, -25), tokens::JWT_SECRET.as_bytes());
    ws.send(Message::text(format!("40{}", json!({ "token": token })))).await.unwrap();
    let mut told = 0;
    let code = loop {
        let Some(Ok(Message::Text(text))) = tokio::time::timeout(SOON, ws.next()).await.unwrap() else {
            panic!("closed after {told}");
        };
        let text = text.as_str();
        if text == "2" {
            ws.send(Message::text("3")).await.unwrap();
        } else if text.starts_with("42[\"authenticated\"") {
            let room = "42[\"subscribe\",{\"room\":\"user:u1:notifications\"}]";
            ws.send(Message::text(room)).await.unwrap();
        } else if text.starts_with("42[\"notification:new_message\"") {
            told += 1;
            if told % 32 == 0 {
                tokio::time::sleep(Duration::from_millis(15)).await;
            }
        } else if let Some(problem) = text.strip_prefix("42[\"error\",") {
            let problem: serde_json::Value = serde_json::from_str(problem.strip_suffix(']').unwrap()).unwrap();
            break problem["code"].clone();
        }
    };
    assert_eq!(code, "token_expired");
    assert!(told > 0 && told < ALL, "{told} were told");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_replay_to_many_sockets_loses_nothing() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.fill(&account, 2_000).await;
    let sockets = futures_util::future::join_all((0..10).map(|_| replica.subscribed_raw(&account))).await;
    let read = sockets.into_iter().map(|mut stream| async move {
        let mut numbers = Vec::new();
        while numbers.len() < 2_000 {
            let Some(Ok(Message::Text(text))) = tokio::time::timeout(SOON, stream.next()).await.unwrap() else {
                panic!("closed after {}", numbers.len());
            };
            if let Some(event) = text.as_str().strip_prefix("42[\"notification:new_message\",") {
                let event: serde_json::Value = serde_json::from_str(event.strip_suffix(']').unwrap()).unwrap();
                numbers.push(event["nseq"].as_i64().unwrap());
            }
        }
        assert_eq!(numbers, (1..=2_000).collect::<Vec<_>>());
    });
    futures_util::future::join_all(read).await;
    assert_eq!(replica.metric("postrider_sockets_cut_total"), 0.0);
}
