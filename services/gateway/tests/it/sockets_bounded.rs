//! What one address may open of Socket.IO.

use std::num::NonZeroUsize;
use std::time::Duration;

use postrider_gateway::rules::client_address::TrustedProxies;
use postrider_testing::eventually;
use reqwest::Method;
use serde_json::Value;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;

use crate::harness::Gateway;
use crate::websocket::echo;

const WAIT: Duration = Duration::from_secs(20);

#[tokio::test]
async fn new_sessions_use_a_budget_of_their_address_and_running_ones_do_not() {
    let listener = crate::harness::answering().await;
    let gateway = Gateway::start_with(|mut config| {
        config.socketio = vec![listener.uri().parse().unwrap()];
        config
    })
    .await;
    let poll =
        |query: &str| gateway.request(Method::GET, &format!("/socket.io/?EIO=4&transport=polling{query}")).send();
    // What was used comes back while this runs, so that the end is a little above 300.
    let mut opened = 0;
    let refused = loop {
        let answer = poll("").await.unwrap();
        if answer.status() != 200 {
            break answer;
        }
        opened += 1;
        assert!(opened < 3_000, "new sessions have no end");
    };
    assert!(opened >= 300, "{opened}");
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.headers()["ratelimit-limit"], "300");
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "rate_limited");
    for _ in 0..50 {
        assert_eq!(poll("&sid=known").await.unwrap().status(), 200);
    }
    // An upgrade of a running session holds a tunnel, so it takes too; the listener here answers it 200.
    let upgrade = format!("ws://{}/socket.io/?EIO=4&transport=websocket&sid=known", gateway.addr());
    eventually("upgrades to be refused", WAIT, || async {
        let Err(Error::Http(answer)) = connect_async(&upgrade).await else { panic!("the upgrade went through") };
        (answer.status() == 429).then_some(())
    })
    .await;
    // Sign-ins from there go on.
    assert_eq!(gateway.request(Method::GET, "/api/system/info").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_address_holds_so_many_tunnels_and_another_one_has_its_own() {
    let (addr, _seen) = echo().await;
    let gateway = Gateway::start_with(|mut config| {
        config.socketio = vec![format!("http://{addr}/").parse().unwrap()];
        config.tunnels_per_address = NonZeroUsize::new(2).unwrap();
        config.trusted = TrustedProxies::parse(["127.0.0.1"]).unwrap();
        config
    })
    .await;
    let from = |client: &str| -> Request {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", gateway.addr());
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("x-forwarded-for", client.parse().unwrap());
        request
    };
    let (first, _) = connect_async(from("6.6.6.6")).await.unwrap();
    let _second = connect_async(from("6.6.6.6")).await.unwrap();
    let Err(Error::Http(answer)) = connect_async(from("6.6.6.6")).await else { panic!("a third tunnel") };
    assert_eq!((answer.status().as_u16(), answer.headers().contains_key("retry-after")), (429, true));
    let _other = connect_async(from("7.7.7.7")).await.unwrap();
    drop(first);
    eventually("the place to be free again", WAIT, || async { connect_async(from("6.6.6.6")).await.ok() }).await;
}
