//! The official clients, from npm and PyPI, at replicas that are killed: none lost, none twice, in order.

use std::collections::BTreeMap;
use std::time::Duration;

use postrider_cli::stack::Member;
use postrider_e2e::ports::free_base;
use postrider_e2e::program::Program;
use postrider_e2e::socket::Socket;
use postrider_e2e::{Account, World, within};
use postrider_testing::services::workspace_root;
use serde_json::{Value, json};
use tokio::process::Command;

const USER: &str = "sol";
/// What comes while a client is away.
const MISSED: u32 = 500;
const MINUTE: Duration = Duration::from_secs(60);

/// The official Python client, following the user's notifications; it comes back by itself.
fn python(origin: &str, token: &str) -> Program {
    let folder = workspace_root().join("services/notification/tests/py");
    let options = json!({ "url": origin, "token": token, "transports": ["websocket"],
                          "rooms": [format!("user:{USER}:notifications")] });
    let mut command = Command::new(postrider_testing::python(&folder));
    command.arg(folder.join("listen.py")).arg(options.to_string());
    Program::start("python-socketio", &mut command)
}

/// The events of a name that it printed.
fn heard(program: &Program, name: &str) -> Vec<Value> {
    let lines = program.lines().into_iter().filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    lines.filter(|line| line[0] == name).map(|line| line[1].clone()).collect()
}

fn announced(program: &Program) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for event in heard(program, "notification:new_message") {
        *times.entry(event["messageId"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    times
}

/// One world for all of it: starting one takes longer than the rest.
#[tokio::test(flavor = "multi_thread")]
async fn the_official_clients_lose_nothing_to_replicas_that_are_killed() {
    let base = free_base();
    let sockets = [base + 13, base + 113].map(|port| format!("http://127.0.0.1:{port}"));
    let both = sockets.join(",");
    let mut world = World::start_with(base, |options| options.with("SOCKETIO_URL", both)).await;
    world.stack.start_replica(Member::Notification, 1).unwrap();
    world.stack.wait_ready_replica(Member::Notification, 1).await.unwrap();
    let address = "sockets@example.com";
    world.sim.mailbox(address, 10, 31).await;
    let account = Account::connect(&world, "acme", USER, address).await;
    account.first_sync(&world, MINUTE * 2).await;

    read_here_seen_there(&world, &account, &sockets).await;
    killed(&mut world, &account).await;
    away(&world, &account).await;
}

/// Read and archived at one replica, seen at the other.
async fn read_here_seen_there(world: &World, account: &Account, sockets: &[String; 2]) {
    let token = world.stack.token("acme", USER).unwrap();
    let mut here = Socket::connect(&sockets[0], USER, &token, "websocket", None).await;
    let (polling, there) = tokio::join!(Socket::connect(&sockets[1], USER, &token, "polling", None), async {
        python(&sockets[1], token.expose())
    });
    within(MINUTE, "Python subscribes", async || !heard(&there, "subscribed").is_empty()).await;
    let mail = world.sim.deliver(&account.address, 1).await;
    let told = async || here.announced().contains_key(&mail[0]);
    within(MINUTE, "the mail is told", told).await;
    let event = here.events("notification:new_message")[0].data.clone();
    for (verb, seen) in
        [("notification:read", "notification:marked_read"), ("notification:archive", "notification:archived")]
    {
        here.emit(verb, &json!({ "notificationId": event["notificationId"] })).await;
        within(MINUTE, seen, async || !heard(&there, seen).is_empty() && !polling.events(seen).is_empty()).await;
        assert_eq!(heard(&there, seen)[0]["notificationId"], event["notificationId"]);
        assert_eq!(polling.events(seen)[0].data["notificationId"], event["notificationId"]);
    }
    // The first sync's own is left.
    let left =
        async || heard(&there, "notification:unread_count").last().is_some_and(|count| count["unreadCount"] == 1);
    within(MINUTE, "the count", left).await;
}

/// kill -9, first one replica, then both, while mail arrives and clients listen through the gateway.
async fn killed(world: &mut World, account: &Account) {
    let token = world.stack.token("acme", USER).unwrap();
    let (origin, address) = (world.origin(), account.address.clone());
    let (websocket, polling) = (account.socket("websocket").await, account.socket("polling").await);
    let python = python(&origin, token.expose());
    within(MINUTE, "Python subscribes", async || !heard(&python, "subscribed").is_empty()).await;
    let mut live = Vec::new();
    for replicas in [&[0][..], &[1], &[0, 1], &[0, 1]] {
        live.extend(world.sim.deliver(&address, 5).await);
        for replica in replicas {
            world.stack.kill9(Member::Notification, *replica).await.unwrap();
        }
        live.extend(world.sim.deliver(&address, 5).await);
        for replica in replicas {
            world.stack.start_replica(Member::Notification, *replica).unwrap();
            world.stack.wait_ready_replica(Member::Notification, *replica).await.unwrap();
        }
        live.extend(world.sim.deliver(&address, 5).await);
    }
    account.notified_once(world, &live, MINUTE * 2).await;
    let all = |times: &BTreeMap<String, usize>| live.iter().all(|mail| times.contains_key(mail));
    within(MINUTE, "all of them at all clients", async || {
        all(&websocket.announced()) && all(&polling.announced()) && all(&announced(&python))
    })
    .await;
    assert!(websocket.count("disconnect") > 0 && polling.count("disconnect") > 0, "nobody was cut off");
    for (name, times) in
        [("websocket", websocket.announced()), ("polling", polling.announced()), ("python", announced(&python))]
    {
        let twice: Vec<_> = live.iter().filter(|mail| times[*mail] != 1).collect();
        assert!(twice.is_empty(), "{name} had these more than once: {twice:?}");
    }
}

/// Away for hundreds, and then told each of them in order.
async fn away(world: &World, account: &Account) {
    let token = world.stack.token("acme", USER).unwrap();
    let socket = account.socket("websocket").await;
    let first = world.sim.deliver(&account.address, 1).await;
    within(MINUTE, "seen live", async || socket.announced().contains_key(&first[0])).await;
    // Its count comes behind it; the client is gone only when nothing is under way any more.
    let counted = async || socket.lines().last().is_some_and(|line| line.event == "notification:unread_count");
    within(MINUTE, "the count", counted).await;
    let last = socket.lines().iter().rev().find_map(|line| line.data["eventId"].as_str().map(str::to_owned)).unwrap();
    drop(socket);
    let missed = world.sim.deliver(&account.address, MISSED).await;
    account.notified_once(world, &missed, MINUTE * 3).await;
    for transport in ["websocket", "polling"] {
        let socket = Socket::connect(&world.origin(), USER, &token, transport, Some(&last)).await;
        within(MINUTE, "all are replayed", async || missed.iter().all(|id| socket.announced().contains_key(id))).await;
        let told = socket.events("notification:new_message");
        let numbers: Vec<i64> = told.iter().filter_map(|line| line.data["nseq"].as_i64()).collect();
        assert_eq!((told.len(), numbers.len()), (missed.len(), missed.len()), "{transport}: some came twice");
        assert!(numbers.is_sorted(), "{transport}: out of order");
        assert!(told.iter().all(|line| line.data["replayed"] == true), "{transport}");
    }
}
