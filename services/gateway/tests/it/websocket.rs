//! The tunnel, with real websockets on both sides.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{SinkExt as _, StreamExt as _};
use postrider_testing::eventually;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{accept_hdr_async_with_config, connect_async};

use crate::harness::Gateway;

const WAIT: Duration = Duration::from_secs(20);

/// What an upstream saw.
#[derive(Debug, PartialEq)]
pub enum Seen {
    Opened { path: String, authorization: bool, origin: Option<String> },
    Closed,
}

/// A websocket server that sends everything back and reports openings and ends.
#[expect(clippy::disallowed_methods, clippy::result_large_err, reason = "the upstream lives as long as the test")]
pub async fn echo() -> (SocketAddr, mpsc::UnboundedReceiver<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (sender, receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let sender = sender.clone();
            tokio::spawn(async move {
                let opened = sender.clone();
                let look = move |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
                    let header =
                        |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
                    let (authorization, origin) = (header("authorization").is_some(), header("origin"));
                    let path = request.uri().to_string();
                    opened.send(Seen::Opened { path, authorization, origin }).unwrap();
                    Ok(response)
                };
                let config = WebSocketConfig::default().max_message_size(Some(64 << 20)).max_frame_size(Some(64 << 20));
                let Ok(socket) = accept_hdr_async_with_config(stream, look, Some(config)).await else { return };
                let (mut to, mut from) = socket.split();
                while let Some(Ok(message)) = from.next().await {
                    if message.is_text() || message.is_binary() {
                        if message.to_text().is_ok_and(|text| text == "bye") {
                            break;
                        }
                        if to.send(message).await.is_err() {
                            break;
                        }
                    }
                }
                let _closing = to.close().await;
                let _dropped = sender.send(Seen::Closed);
            });
        }
    });
    (addr, receiver)
}

async fn before(addr: SocketAddr) -> (Gateway, String) {
    let gateway = Gateway::start_with(|mut config| {
        config.socketio = vec![format!("http://{addr}/").parse().unwrap()];
        config
    })
    .await;
    let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", gateway.addr());
    (gateway, url)
}

fn tunnels(gateway: &Gateway) -> i64 {
    let text = postrider_runtime::telemetry::metrics::text(&gateway.cx.registry);
    let line = text.lines().find_map(|line| line.strip_prefix("postrider_gateway_tunnels "));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn messages_of_every_size_pass_both_ways() {
    let (addr, mut seen) = echo().await;
    let (gateway, url) = before(addr).await;
    let (mut socket, answer) = connect_async(&url).await.unwrap();
    assert_eq!(answer.status(), 101);
    let path = "/socket.io/?EIO=4&transport=websocket".to_owned();
    assert_eq!(seen.recv().await, Some(Seen::Opened { path, authorization: false, origin: None }));
    assert_eq!(tunnels(&gateway), 1);
    for size in [0, 1, 125, 126, 70_000, 3_000_000] {
        let message = Message::binary(vec![u8::try_from(size % 251).unwrap(); size]);
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message, "{size}");
    }
    for n in 0..200 {
        socket.send(Message::text(format!("message {n}"))).await.unwrap();
    }
    for n in 0..200 {
        assert_eq!(socket.next().await.unwrap().unwrap().to_text().unwrap(), format!("message {n}"));
    }
}

#[tokio::test]
async fn either_side_may_end_it() {
    let (addr, mut seen) = echo().await;
    let (gateway, url) = before(addr).await;
    // The client goes without a word.
    let (socket, _) = connect_async(&url).await.unwrap();
    assert!(matches!(seen.recv().await, Some(Seen::Opened { .. })));
    drop(socket);
    assert_eq!(tokio::time::timeout(WAIT, seen.recv()).await.unwrap(), Some(Seen::Closed));
    // The replica ends it.
    let (mut socket, _) = connect_async(&url).await.unwrap();
    socket.send(Message::text("bye")).await.unwrap();
    let end = tokio::time::timeout(WAIT, async {
        while let Some(Ok(message)) = socket.next().await {
            if message.is_close() {
                break;
            }
        }
    });
    end.await.unwrap();
    drop(socket);
    eventually("no tunnel to be open", WAIT, || async { (tunnels(&gateway) == 0).then_some(()) }).await;
}

#[tokio::test]
async fn a_client_that_only_writes_gets_everything_once_it_reads() {
    let (addr, _seen) = echo().await;
    let (_gateway, url) = before(addr).await;
    let (socket, _) = connect_async(&url).await.unwrap();
    let (mut to, mut from) = socket.split();
    let chunk = Message::binary(vec![1_u8; 100_000]);
    // Writing goes on until every buffer on the way is full; reading must then bring back all that was taken.
    let mut sent = 0;
    while sent < 400 && tokio::time::timeout(Duration::from_millis(500), to.send(chunk.clone())).await.is_ok() {
        sent += 1;
    }
    assert!(sent < 400, "nothing held the writer back: the tunnel buffers without bound");
    let mut back = 0;
    let read = tokio::time::timeout(WAIT, async {
        while back < sent {
            back += from.next().await.unwrap().unwrap().len() / 100_000;
        }
    });
    read.await.unwrap();
}

#[tokio::test]
async fn a_soft_stop_ends_tunnels_so_that_the_gateway_can_stop() {
    let (addr, mut seen) = echo().await;
    let (gateway, url) = before(addr).await;
    let (mut socket, _) = connect_async(&url).await.unwrap();
    assert!(matches!(seen.recv().await, Some(Seen::Opened { .. })));
    gateway.cx.shutdown.stop_softly();
    let end = tokio::time::timeout(WAIT, async { while let Some(Ok(_)) = socket.next().await {} });
    end.await.unwrap();
    drop(socket);
    let joined = tokio::task::spawn_blocking(move || gateway.join());
    tokio::time::timeout(WAIT, joined).await.unwrap().unwrap();
}

/// All of them closed in one instant would all come back in one.
#[tokio::test]
async fn at_a_soft_stop_tunnels_leave_one_after_the_other() {
    let (addr, _seen) = echo().await;
    let (gateway, url) = before(addr).await;
    let mut sockets = Vec::new();
    for _ in 0..200 {
        sockets.push(connect_async(&url).await.unwrap().0);
    }
    gateway.cx.shutdown.stop_softly();
    // Two hundred tunnels have four seconds.
    eventually("the first to leave", WAIT, || async { (tunnels(&gateway) < 200).then_some(()) }).await;
    // All at once: one that leaves stays silent for a second before it is closed.
    let echoes = sockets.iter_mut().map(|socket| async {
        socket.send(Message::text("still here")).await.ok()?;
        socket.next().await?.ok()?.is_text().then_some(())
    });
    let alive = join_all(echoes).await.into_iter().flatten().count();
    assert!(alive >= 10, "{alive} of 200 still carried messages after the first had left");
    eventually("all to leave", WAIT, || async { (tunnels(&gateway) == 0).then_some(()) }).await;
}

#[tokio::test]
async fn a_listener_that_is_down_or_refuses_is_told_as_it_is() {
    let (_gateway, url) = before("127.0.0.1:1".parse().unwrap()).await;
    let Err(Error::Http(answer)) = connect_async(&url).await else { panic!() };
    assert_eq!(answer.status(), 503);
    let refusing = crate::harness::answering().await;
    let (_gateway, url) = before(*refusing.address()).await;
    let Err(Error::Http(answer)) = connect_async(&url).await else { panic!() };
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn hundreds_of_tunnels_live_side_by_side() {
    let (addr, _seen) = echo().await;
    let (gateway, url) = before(addr).await;
    let mut sockets = Vec::new();
    for _ in 0..200 {
        sockets.push(connect_async(&url).await.unwrap().0);
    }
    assert_eq!(tunnels(&gateway), 200);
    for (n, socket) in sockets.iter_mut().enumerate() {
        socket.send(Message::text(n.to_string())).await.unwrap();
    }
    for (n, socket) in sockets.iter_mut().enumerate() {
        assert_eq!(socket.next().await.unwrap().unwrap().to_text().unwrap(), n.to_string());
    }
    drop(sockets);
    eventually("all tunnels to end", WAIT, || async { (tunnels(&gateway) == 0).then_some(()) }).await;
}
