//! The official Python client, unchanged from PyPI.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::harness::{SOON, World, settings};
use crate::producer::{Account, mail};
use crate::tokens;

/// What comes while the client is away.
const MISSED: usize = 500;

struct Client {
    _child: Child,
    input: ChildStdin,
    lines: tokio::io::Lines<BufReader<ChildStdout>>,
}

impl Client {
    fn start(url: &str, account: &Account, transport: &str, last: Option<&Value>) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/py");
        let options = json!({ "url": format!("http://{url}"), "token": tokens::client(account), "lastEventId": last,
                              "transports": [transport], "rooms": ["user:u1:notifications"] });
        let mut child = Command::new(postrider_testing::python(&folder))
            .arg(folder.join("listen.py"))
            .arg(options.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { input: child.stdin.take().unwrap(), _child: child, lines }
    }

    async fn next(&mut self) -> (String, Value) {
        let line = tokio::time::timeout(SOON, self.lines.next_line()).await.expect("nothing is said").unwrap();
        let said: Value = serde_json::from_str(&line.expect("the client has ended")).unwrap();
        (said[0].as_str().unwrap().to_owned(), said[1].clone())
    }

    async fn expect(&mut self, name: &str) -> Value {
        loop {
            let (said, data) = self.next().await;
            if said == name {
                return data;
            }
        }
    }

    async fn emit(&mut self, name: &str, data: &Value) {
        self.input.write_all(format!("{}\n", json!([name, data])).as_bytes()).await.unwrap();
        self.input.flush().await.unwrap();
    }

    /// Mails, by their Gmail ids, in the order they came.
    async fn mails(&mut self, count: usize) -> Vec<(String, bool)> {
        let mut mails = Vec::new();
        while mails.len() < count {
            let event = self.expect("notification:new_message").await;
            mails.push((event["messageId"].as_str().unwrap().to_owned(), event["replayed"] == true));
        }
        mails
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_python_client_hears_live_mail_reads_it_and_misses_nothing() {
    let world = World::new().await;
    let (here, there) = (world.replica(settings()).await, world.replica(settings()).await);
    for transport in ["websocket", "polling"] {
        // A tenant each: a client that is new to a user is replayed what nobody has certainly received.
        let account = Account::new(transport, "u1");
        let mut one = Client::start(&here.socket_url, &account, transport, None);
        let mut two = Client::start(&there.socket_url, &account, transport, None);
        for client in [&mut one, &mut two] {
            assert_eq!(client.expect("authenticated").await["userId"], "u1");
            assert_eq!(client.expect("subscribed").await["ok"], true);
        }
        world.send(&account, &mail(&format!("live-{transport}"))).await;
        let told = one.expect("notification:new_message").await;
        assert_eq!(
            (&told["subject"], &told["accountId"]),
            (&json!(format!("Subject live-{transport}")), &json!(account.id))
        );
        assert_eq!(two.expect("notification:new_message").await["eventId"], told["eventId"]);
        // Read at one replica, seen at the other.
        one.emit("notification:read", &json!({ "notificationId": told["notificationId"] })).await;
        assert_eq!(one.expect("answer").await["ok"], true);
        assert_eq!(two.expect("notification:marked_read").await["notificationId"], told["notificationId"]);
        let last = two.expect("notification:unread_count").await["eventId"].clone();
        drop((one, two));
        // Away for all of these, and then on the other replica.
        let before = world.count(&account.tenant, "notifications").await;
        for n in 0..MISSED {
            world.send(&account, &mail(&format!("{transport}-{n}"))).await;
        }
        world.notified(&account, before + i64::try_from(MISSED).unwrap()).await;
        let began = Instant::now();
        let mut back = Client::start(&here.socket_url, &account, transport, Some(&last));
        let mails = back.mails(MISSED).await;
        eprintln!(
            "python-socketio, {transport}: {MISSED} missed and replayed in order, once, in {:?}",
            began.elapsed()
        );
        let expected: Vec<_> = (0..MISSED).map(|n| (format!("{transport}-{n}"), true)).collect();
        assert_eq!(mails, expected);
        world.send(&account, &mail(&format!("after-{transport}"))).await;
        assert_eq!(back.mails(1).await, [(format!("after-{transport}"), false)]);
    }
}
