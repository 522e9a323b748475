//! Who loads the list of mails and follows from its `as_of_seq` has each mail once, however much arrives meanwhile: by the
//! feed and at the socket.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use postrider_e2e::client::Client;
use postrider_e2e::ports::free_base;
use postrider_e2e::{Account, World, mirror, within};
use serde_json::Value;
use tokio::task::JoinSet;

/// Google pushes once a second and account: several, so that mail arrives at many moments.
const ACCOUNTS: u64 = 5;
/// In each mailbox from the beginning, and delivered to each while readers read. All of it fits into one page.
const BEFORE: u32 = 4;
const LIVE: u32 = 14;
const MINUTE: Duration = Duration::from_secs(60);

/// A list of mails as a reader got it.
struct Snapshot {
    as_of: BTreeMap<String, i64>,
    mails: BTreeSet<String>,
}

impl Snapshot {
    async fn read(client: &Client) -> Self {
        let page = client.get("/api/v1/emails?limit=100&include_spam_trash=true").await;
        assert!(page["next_cursor"].is_null(), "more than a page");
        let as_of = page["as_of_seq"].as_object().unwrap().iter();
        let mails = page["data"].as_array().unwrap().iter();
        Self {
            as_of: as_of.map(|(account, seq)| (account.clone(), seq.as_i64().unwrap())).collect(),
            mails: mails.map(|mail| text(mail, "message_id")).collect(),
        }
    }

    /// Whether exactly what came up to its places is in it.
    fn is_true_to(&self, came: &Came) -> Result<(), String> {
        for (mail, (account, seq)) in came {
            let (shown, passed) = (self.mails.contains(mail), *seq <= self.as_of[account]);
            if shown != passed {
                let how = if shown { "both in the list and behind it" } else { "in neither" };
                return Err(format!("{mail}, number {seq} of its account, is {how} (as of {})", self.as_of[account]));
            }
        }
        Ok(())
    }
}

/// Each live mail by Gmail's id: its account and its number there.
type Came = BTreeMap<String, (String, i64)>;

fn text(value: &Value, member: &str) -> String {
    value[member].as_str().unwrap_or_default().to_owned()
}

/// Loads the list, then follows until nobody has anything more; how often it had each mail.
async fn follow(client: Client, done: Arc<AtomicBool>) -> BTreeMap<String, usize> {
    let snapshot = Snapshot::read(&client).await;
    let places: Vec<String> = snapshot.as_of.iter().map(|(account, seq)| format!("{account}:{seq}")).collect();
    let mut times: BTreeMap<String, usize> = snapshot.mails.into_iter().map(|mail| (mail, 1)).collect();
    let mut place = format!("as_of={}", places.join(","));
    loop {
        let last = done.load(Ordering::Acquire);
        let page = client.get(&format!("/api/v1/events?types=email.received&wait=1&{place}")).await;
        let events = page["data"].as_array().unwrap();
        for event in events {
            *times.entry(text(&event["data"], "message_id")).or_default() += 1;
        }
        if events.is_empty() && last {
            return times;
        }
        place = format!("cursor={}", page["next_cursor"].as_str().unwrap());
    }
}

/// Lists again and again until all is there.
async fn list(client: Client, done: Arc<AtomicBool>) -> Vec<Snapshot> {
    let mut lists = Vec::new();
    while !done.load(Ordering::Acquire) {
        lists.push(Snapshot::read(&client).await);
    }
    lists
}

/// What the feed holds from its beginning.
async fn came(client: &Client) -> Came {
    let (mut came, mut place) = (Came::new(), String::new());
    loop {
        let page = client.get(&format!("/api/v1/events?types=email.received&limit=100{place}")).await;
        let events = page["data"].as_array().unwrap();
        if events.is_empty() {
            return came;
        }
        for event in events {
            let at = (text(event, "account_id"), event["seq"].as_i64().unwrap());
            assert_eq!(came.insert(text(&event["data"], "message_id"), at), None, "twice in the feed");
        }
        place = format!("&cursor={}", page["next_cursor"].as_str().unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_and_what_follows_it_are_each_mail_once() {
    let world = World::start_with(free_base(), |options| options.with("RATE_LIMIT_PER_MINUTE", "1000000")).await;
    let mut accounts = Vec::new();
    for n in 0..ACCOUNTS {
        let address = format!("snapshot{n}@example.com");
        world.sim.mailbox(&address, BEFORE, n).await;
        accounts.push(Account::connect(&world, "acme", "sue", &address).await);
    }
    for account in &accounts {
        account.first_sync(&world, MINUTE * 2).await;
    }
    let (client, socket) = (accounts[0].client.clone(), accounts[0].socket("websocket").await);
    let done = Arc::new(AtomicBool::new(false));
    let (mut lists, mut readers) = (JoinSet::new(), JoinSet::new());
    for _ in 0..2 {
        lists.spawn(list(client.clone(), done.clone()));
    }
    let (admin, mut live) = (world.admin().await, BTreeSet::new());
    for round in 0..LIVE {
        if round % 2 == 0 {
            readers.spawn(follow(client.clone(), done.clone()));
        }
        for account in &accounts {
            let ids = world.sim.deliver(&account.address, 1).await;
            let wanted = i64::from(BEFORE + round + 1);
            within(MINUTE, "the mail is here", async || mirror::count(&admin, account.connector).await >= wanted).await;
            live.extend(ids);
        }
    }
    within(MINUTE, "all is in the feed", async || came(&client).await.len() == live.len()).await;
    within(MINUTE, "all is at the socket", async || socket.announced().len() == live.len()).await;
    done.store(true, Ordering::Release);

    for times in readers.join_all().await {
        let odd: Vec<_> = live.iter().filter(|mail| times.get(*mail) != Some(&1)).collect();
        assert!(odd.is_empty(), "a reader had these not once: {odd:?} of {times:?}");
    }
    let fed = came(&client).await;
    assert_eq!(fed.keys().collect::<BTreeSet<_>>(), live.iter().collect());
    // A socket's events stand at the same places: whoever collected them first may leave out what a list shows.
    let told: Came = socket
        .events("notification:new_message")
        .iter()
        .map(|line| {
            (text(&line.data, "messageId"), (text(&line.data, "accountId"), line.data["seq"].as_i64().unwrap()))
        })
        .collect();
    assert_eq!(told, fed);
    let lists: Vec<Snapshot> = lists.join_all().await.into_iter().flatten().collect();
    let untrue: Vec<String> = lists.iter().filter_map(|list| list.is_true_to(&fed).err()).collect();
    assert!(untrue.is_empty(), "{} of {} lists: {}", untrue.len(), lists.len(), untrue[0]);
    assert!(lists.len() > 200, "{} lists show little", lists.len());
}
