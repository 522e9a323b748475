//! What one address may open of Socket.IO.

use std::num::NonZeroUsize;
use std::time::Duration;

use postrider_gateway::rules::client_address::TrustedProxies;
use postrider_testing::{MockServer, eventually};
use reqwest::{Method, Response};
use serde_json::Value;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use wiremock::matchers::{any, method, query_param, query_param_is_missing};
use wiremock::{Mock, ResponseTemplate};

use crate::harness::Gateway;
use crate::websocket::echo;

const WAIT: Duration = Duration::from_secs(20);

/// A listener that opens the session `new` and knows the session `known` besides.
async fn listener() -> MockServer {
    let server = MockServer::start().await;
    let answer = |status: u16, body: &str| ResponseTemplate::new(status).set_body_string(body);
    let opened = answer(200, r#"0{"sid":"new","upgrades":["websocket"],"pingInterval":25000}"#);
    Mock::given(query_param_is_missing("sid")).respond_with(opened).mount(&server).await;
    for known in ["new", "known"] {
        Mock::given(query_param("sid", known)).respond_with(answer(200, "6")).mount(&server).await;
    }
    let unknown = answer(400, r#"{"code":1,"message":"Session ID unknown"}"#);
    Mock::given(any()).respond_with(unknown).with_priority(200).mount(&server).await;
    server
}

async fn before(listener: &MockServer) -> Gateway {
    Gateway::start_with(|mut config| {
        config.socketio = vec![listener.uri().parse().unwrap()];
        config
    })
    .await
}

async fn poll(gateway: &Gateway, query: &str) -> Response {
    let path = format!("/socket.io/?EIO=4&transport=polling{query}");
    gateway.request(Method::GET, &path).send().await.unwrap()
}

/// Asks until it is refused; how often it was answered. What was used comes back while this runs, so that the end is a
/// little above 300.
async fn until_refused(gateway: &Gateway, query: impl Fn(usize) -> String) -> (usize, Response) {
    let mut answered = 0;
    loop {
        let answer = poll(gateway, &query(answered)).await;
        if answer.status() == 429 {
            return (answered, answer);
        }
        answered += 1;
        assert!(answered < 3_000, "there is no end");
    }
}

#[tokio::test]
async fn new_sessions_use_a_budget_of_their_address_and_running_ones_do_not() {
    let listener = listener().await;
    let gateway = before(&listener).await;
    assert_eq!(poll(&gateway, "&sid=known").await.status(), 200);
    let (opened, refused) = until_refused(&gateway, |_| String::new()).await;
    assert!(opened >= 299, "{opened}");
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(refused.headers()["ratelimit-limit"], "300");
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "rate_limited");
    // What was seen opening, and what a listener answered for.
    for sid in ["&sid=new", "&sid=known"] {
        for _ in 0..50 {
            assert_eq!(poll(&gateway, sid).await.status(), 200, "{sid}");
        }
    }
    // An upgrade that opens a session is one; that of a running one is not, and the listener here answers it 200.
    let upgrade = async |sid: &str| {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket{sid}", gateway.addr());
        let Err(Error::Http(answer)) = connect_async(&url).await else { panic!("the upgrade went through") };
        answer.status().as_u16()
    };
    eventually("upgrades to be refused", WAIT, || async { (upgrade("").await == 429).then_some(()) }).await;
    assert_eq!(upgrade("&sid=known").await, 200);
    // Sign-ins from there go on.
    assert_eq!(gateway.request(Method::GET, "/api/system/info").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_name_of_a_session_is_no_way_round_the_budget() {
    for query in [|n| format!("&sid=made-up-{n}"), |_| "&sid=known&sid=known".to_owned(), |_| "&sid=".to_owned()] {
        let listener = listener().await;
        let gateway = before(&listener).await;
        let (answered, _) = until_refused(&gateway, query).await;
        assert!((300..400).contains(&answered), "{}: {answered}", query(0));
        let reached = listener.received_requests().await.unwrap().len();
        assert_eq!(reached, answered, "{}", query(0));
    }
}

/// A listener answers every OPTIONS, and knows a session no longer that has ended.
#[tokio::test]
async fn a_session_is_known_by_what_its_transports_were_answered() {
    let listener = listener().await;
    let options = ResponseTemplate::new(200);
    Mock::given(method("OPTIONS")).respond_with(options).with_priority(1).mount(&listener).await;
    let gateway = before(&listener).await;
    for n in 0..20 {
        let path = format!("/socket.io/?EIO=4&transport=polling&sid=made-up-{n}");
        let answer = gateway.request(Method::OPTIONS, &path).send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "GET, POST"));
    }
    let (answered, _) = until_refused(&gateway, |n| format!("&sid=made-up-{}", n % 20)).await;
    assert!((300..400).contains(&answered), "{answered}");
    let gateway = before(&listener).await;
    assert_eq!(poll(&gateway, "&sid=known").await.status(), 200);
    let ended = ResponseTemplate::new(400);
    Mock::given(query_param("sid", "known")).respond_with(ended).with_priority(1).mount(&listener).await;
    let (answered, _) = until_refused(&gateway, |_| "&sid=known".to_owned()).await;
    assert!((299..400).contains(&answered), "{answered}");
}

#[tokio::test]
async fn a_session_that_exists_has_a_budget_of_its_own() {
    let listener = listener().await;
    let gateway = before(&listener).await;
    let (answered, refused) = until_refused(&gateway, |_| "&sid=known".to_owned()).await;
    assert!((1_200..2_900).contains(&answered), "{answered}");
    assert_eq!(refused.headers()["ratelimit-limit"], "1200");
    assert_eq!(poll(&gateway, "&sid=new").await.status(), 200);
}

#[tokio::test]
async fn an_address_holds_so_many_tunnels_and_another_one_has_its_own() {
    let (addr, _seen) = echo().await;
    let gateway = Gateway::start_with(|mut config| {
        config.socketio = vec![format!("http://{addr}/").parse().unwrap()];
        config.tunnels.per_address = NonZeroUsize::new(2).unwrap();
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
