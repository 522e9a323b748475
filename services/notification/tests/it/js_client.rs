//! The official JavaScript client, unchanged from npm.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use postrider_notification::channels::socket::Settings;
use postrider_testing::eventually;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::harness::{SOON, World, settings};
use crate::middlebox::{Middlebox, Swallows};
use crate::producer::{Account, mail};
use crate::tokens;

/// Prints one JSON line for each event: `[name, data]`.
const SCRIPT: &str = "listen.mjs";

/// The scripts' folder with what they need in it. Installed once, whichever test process comes first.
pub fn installed() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js");
    let lock = std::fs::File::create(folder.join(".install.lock")).unwrap();
    lock.lock().unwrap();
    if ["socket.io-client", "standardwebhooks", "http_ece"]
        .iter()
        .any(|name| !folder.join("node_modules").join(name).exists())
    {
        let mut npm = std::process::Command::new("npm");
        let done = npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(&folder).status();
        let remedy = "run `npm ci --prefix services/notification/tests/js` (Node.js 18 or newer)";
        assert!(done.is_ok_and(|status| status.success()), "the packages cannot be installed: {remedy}");
    }
    folder
}

async fn events(url: &str, token: &str, transport: &str, last: Option<&Value>) -> Lines {
    let folder = installed();
    let options = json!({ "url": format!("http://{url}"), "token": token, "transport": transport,
                          "lastEventId": last, "rooms": ["user:u1:notifications"] });
    let mut child = Command::new("node")
        .arg(folder.join(SCRIPT))
        .arg(options.to_string())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("node runs: install Node.js 18 or newer");
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    Lines { _child: child, lines }
}

struct Lines {
    _child: tokio::process::Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
}

impl Lines {
    async fn expect(&mut self, name: &str) -> Value {
        self.expect_without(name, None).await
    }

    /// What these events say, in whatever order they come.
    async fn expect_all<const N: usize>(&mut self, names: [&str; N]) -> [Value; N] {
        let mut found = names.map(|_| None);
        while found.iter().any(Option::is_none) {
            let event = self.event().await;
            if let Some(at) = names.iter().position(|name| event[0] == *name) {
                found[at] = Some(event[1].clone());
            }
        }
        found.map(Option::unwrap)
    }

    async fn event(&mut self) -> Value {
        let line = tokio::time::timeout(SOON, self.lines.next_line()).await.unwrap().unwrap();
        serde_json::from_str(&line.expect("the client goes on")).unwrap()
    }

    /// The next event of that name, with none of the other name before it.
    async fn expect_without(&mut self, name: &str, other: Option<&str>) -> Value {
        loop {
            let event = self.event().await;
            if event[0] == name {
                return event[1].clone();
            }
            assert!(other.is_none_or(|other| event[0] != other), "{event} before {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_hears_live_mail_and_its_replay() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let token = tokens::client(&account);
    let mut last = None;
    for (round, transport) in ["websocket", "polling", "upgrade"].into_iter().enumerate() {
        let mut client = events(&replica.socket_url, &token, transport, last.as_ref()).await;
        client.expect("subscribed").await;
        if round > 0 {
            let replayed = client.expect("notification:new_message").await;
            assert_eq!(replayed["replayed"], true, "{transport}");
            assert_eq!(replayed["subject"], format!("Subject off{round}"));
        }
        world.send(&account, &mail(&format!("live{round}"))).await;
        let live = client.expect("notification:new_message").await;
        assert_eq!((&live["messageId"], live.get("replayed")), (&json!(format!("live{round}")), None));
        last = Some(client.expect("notification:unread_count").await["eventId"].clone());
        drop(client);
        world.send(&account, &mail(&format!("off{}", round + 1))).await;
        world.notified(&account, i64::try_from(round).unwrap() * 2 + 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_comes_back_by_itself_after_a_restart() {
    let world = World::new().await;
    let (replica, other) = (world.replica(settings()).await, world.replica(settings()).await);
    let place = replica.socket_url.clone();
    let account = Account::new("t1", "u1");
    let mut client = events(&replica.socket_url, &tokens::client(&account), "websocket", None).await;
    client.expect("subscribed").await;
    replica.cx.shutdown.stop_softly();
    assert!(client.expect("server_restart").await["eventId"].is_string());
    // Not "io server disconnect": after that one the client would stay away.
    let reason = client.expect("disconnect").await;
    assert!(reason == "transport close" || reason == "transport error", "{reason}");
    replica.stop().await;
    world.send(&account, &mail("meanwhile")).await;
    world.notified(&account, 1).await;
    let _again = world.replica_at(settings(), world.vhost.amqp_url(), &place).await;
    assert_eq!(client.expect("authenticated").await["userId"], "u1");
    let replayed = client.expect("notification:new_message").await;
    assert_eq!((&replayed["messageId"], &replayed["replayed"]), (&json!("meanwhile"), &json!(true)));
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_moves_to_websocket_where_frames_pass() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let through = Middlebox::before(&replica.socket_url, Swallows::Nothing).await;
    let mut client = events(&through.addr, &tokens::client(&account), "upgrade", None).await;
    // The session moves while the client still subscribes; before both are done it need not hear of a mail.
    let [to, _subscribed] = client.expect_all(["upgraded", "subscribed"]).await;
    assert_eq!(to, "websocket");
    world.send(&account, &mail("m1")).await;
    assert_eq!(client.expect_without("notification:new_message", Some("disconnect")).await["messageId"], "m1");
    assert_eq!((through.accepted(), through.given_up()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_client_goes_on_polling_where_frames_are_swallowed() {
    let world = World::new().await;
    // Time enough for frames that pass, on a loaded machine too.
    let replica = world.replica(Settings { upgrade_within: Duration::from_secs(2), ..settings() }).await;
    for (n, swallows) in [Swallows::Both, Swallows::Downward].into_iter().enumerate() {
        let account = Account::new("t1", "u1");
        let between = Middlebox::before(&replica.socket_url, swallows).await;
        let mut client = events(&between.addr, &tokens::client(&account), "upgrade", None).await;
        client.expect_without("subscribed", Some("disconnect")).await;
        eventually("the end of the attempt", SOON, || async { (between.given_up() == 1).then_some(()) }).await;
        let id = format!("m{n}");
        world.send(&account, &mail(&id)).await;
        loop {
            let event = client.expect_without("notification:new_message", Some("disconnect")).await;
            if event["messageId"] == id {
                assert!(event.get("replayed").is_none(), "{swallows:?}: {event}");
                break;
            }
        }
        assert_eq!(between.accepted(), 1, "{swallows:?}: the session was begun anew");
    }
}
