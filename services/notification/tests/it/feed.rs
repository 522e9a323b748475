//! The event feed by pages.

use std::time::{Duration, Instant};

use postrider_contracts::mailbox::EmailBatchStored;
use postrider_domain::UserId;
use postrider_storage::Statement;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Replica, SOON, World, settings};
use crate::producer::{Account, connected, mail, publish};

const PATH: &str = "/api/v1/events";

fn seqs(page: &Value) -> Vec<i64> {
    page["data"].as_array().unwrap().iter().map(|event| event["seq"].as_i64().unwrap()).collect()
}

fn cursor(page: &Value) -> &str {
    page["next_cursor"].as_str().unwrap()
}

/// Waits until that many entries are there.
async fn fed(world: &World, account: &Account, count: i64) {
    postrider_testing::eventually("the feed", SOON, || async {
        (world.count(&account.tenant, "feed").await == count).then_some(())
    })
    .await;
}

async fn refused(replica: &Replica, account: &Account, query: &str, status: StatusCode) -> Value {
    replica.call(replica.request(account, Method::GET, &format!("{PATH}?{query}")), status).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_gets_each_event_once_in_the_order_of_its_account() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let second = Account { id: Account::new("t1", "u1").id, ..account.clone() };
    for n in 0..3 {
        for of in [&account, &second] {
            world.send(of, &mail(&format!("m{n}"))).await;
        }
    }
    world.send(&account, &EmailBatchStored { run_id: "r".to_owned(), count: 2, email_ids: Vec::new() }).await;
    fed(&world, &account, 7).await;
    let (mut place, mut seen) = (String::new(), Vec::new());
    loop {
        let page = replica.get(&account, &format!("{PATH}?limit=2{place}")).await;
        let events = page["data"].as_array().unwrap();
        if events.is_empty() {
            break;
        }
        seen.extend(events.iter().map(|e| (e["account_id"].as_str().unwrap().to_owned(), e["seq"].as_i64().unwrap())));
        place = format!("&cursor={}", cursor(&page));
    }
    for (of, last) in [(&account, 4), (&second, 3)] {
        let numbers: Vec<i64> = seen.iter().filter(|(id, _)| *id == of.id.to_string()).map(|(_, seq)| *seq).collect();
        assert_eq!(numbers, (1..=last).collect::<Vec<i64>>());
    }
    let first = &replica.get(&account, &format!("{PATH}?connector_id={}&limit=1", account.id)).await["data"][0];
    let mut names: Vec<_> = first.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["account_id", "data", "id", "seq", "time", "type"]);
    assert_eq!((&first["type"], &first["data"]["subject"]), (&json!("email.received"), &json!("Subject m0")));
    // Types leave out, and the place moves on all the same.
    let batches = replica.get(&account, &format!("{PATH}?types=email.batch_stored,sync.failed")).await;
    assert_eq!(seqs(&batches), [4]);
    let none = replica.get(&account, &format!("{PATH}?cursor={}", cursor(&batches))).await;
    assert_eq!(seqs(&none), Vec::<i64>::new());
    // From the state that a list of mails showed.
    let as_of = replica.get(&account, &format!("{PATH}?as_of={}:3,{}:2", account.id, second.id)).await;
    assert_eq!(seqs(&as_of), [3, 4]);
    // Nobody else has anything.
    for other in [Account::new("t2", "u1"), Account { user: UserId::parse("u2").unwrap(), ..account.clone() }] {
        assert_eq!(seqs(&replica.get(&other, PATH).await), Vec::<i64>::new());
        let named = format!("connector_id={}", account.id);
        assert_eq!(refused(&replica, &other, &named, StatusCode::NOT_FOUND).await["code"], "not_found");
        // A forged place opens nothing.
        let forged = replica.get(&other, &format!("{PATH}?as_of={}:1", account.id)).await;
        assert_eq!(seqs(&forged), Vec::<i64>::new());
    }
}

/// What comes out of order is told in order: nobody is past a number that may still come.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_beyond_a_number_that_is_missing() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    // The producer cannot be asked for the missing one yet: only the broker brings it.
    let strange = crate::producer::Producer::default();
    let (first, second) = (strange.make(&account, &mail("m1")), strange.make(&account, &mail("m2")));
    publish(&world.publisher, vec![second.clone()]).await;
    fed(&world, &account, 1).await;
    assert_eq!(seqs(&replica.get(&account, PATH).await), Vec::<i64>::new());
    publish(&world.publisher, vec![first.clone()]).await;
    fed(&world, &account, 2).await;
    assert_eq!(seqs(&replica.get(&account, PATH).await), [1]);
    // Now it can: what came too early is known to be in its place.
    world.producer.knows([first, second]);
    postrider_testing::eventually("both", SOON, || async {
        let page = replica.get(&account, PATH).await;
        (seqs(&page) == [1, 2]).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_with_the_event_or_with_its_time_on_every_replica() {
    let world = World::new().await;
    let (one, two) = (world.replica(settings()).await, world.replica(settings()).await);
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    world.send(&account, &mail("m1")).await;
    fed(&world, &account, 1).await;
    let page = one.get(&account, PATH).await;
    let path = format!("{PATH}?wait=30&cursor={}", cursor(&page));
    let wait = |replica: &Replica| {
        let request = replica.request(&account, Method::GET, &path);
        async move { request.send().await.unwrap().json::<Value>().await.unwrap() }
    };
    let began = Instant::now();
    let send = async {
        for replica in [&one, &two] {
            postrider_testing::eventually("a reader that waits", SOON, || async {
                (replica.metric("postrider_feed_readers") >= 1.0).then_some(())
            })
            .await;
        }
        world.send(&account, &mail("m2")).await;
    };
    let (first, second, ()) = tokio::join!(wait(&one), wait(&two), send);
    assert_eq!((seqs(&first), seqs(&second)), (vec![2], vec![2]));
    assert!(began.elapsed() < Duration::from_secs(25));
    let nothing = one.get(&account, &format!("{PATH}?wait=1&cursor={}", cursor(&first))).await;
    assert_eq!(nothing, json!({ "data": [], "next_cursor": first["next_cursor"] }));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_questions_are_named_and_a_place_that_is_kept_no_longer_is_gone() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    for n in 0..3 {
        world.send(&account, &mail(&format!("m{n}"))).await;
    }
    fed(&world, &account, 3).await;
    let page = replica.get(&account, &format!("{PATH}?limit=1")).await;
    for query in [
        "cursor=x".to_owned(),
        "as_of=x".to_owned(),
        format!("as_of={}:1&cursor={}", account.id, cursor(&page)),
        "types=email.arrived".to_owned(),
        "types=".to_owned(),
        "wait=31".to_owned(),
        "wait=-1".to_owned(),
        "limit=0".to_owned(),
        "limit=101".to_owned(),
        "ticket=x".to_owned(),
        "connector_id=7".to_owned(),
        "more=1".to_owned(),
    ] {
        let problem = refused(&replica, &account, &query, StatusCode::UNPROCESSABLE_ENTITY).await;
        assert!(problem["errors"][0]["field"].is_string(), "{query}: {problem}");
    }
    let unknown = format!("connector_id={}", Uuid::nil());
    refused(&replica, &account, &unknown, StatusCode::NOT_FOUND).await;
    let tx = world.db.db.tenant(&account.tenant).await.unwrap();
    Statement::dynamic("DELETE FROM feed WHERE seq <= 2".to_owned()).execute(&tx).await.unwrap();
    tx.commit().await.unwrap();
    let after_one = format!("cursor={}", cursor(&page));
    let gone = refused(&replica, &account, &after_one, StatusCode::GONE).await;
    assert_eq!((&gone["code"], &gone["accounts"]), (&json!("cursor_expired"), &json!([account.id])));
    // Who starts anew starts with what is there; who has the second misses nothing.
    assert_eq!(seqs(&replica.get(&account, PATH).await), [3]);
    assert_eq!(seqs(&replica.get(&account, &format!("{PATH}?as_of={}:2", account.id)).await), [3]);
}

/// An event that cannot be read, however often it is asked for, is told as lost; it is no silence.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_can_never_be_told_is_named() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    let (first, mut broken) = (world.producer.make(&account, &mail("m1")), world.producer.make(&account, &mail("m2")));
    // As by a producer whose bytes are none of its own type.
    broken.payload = vec![0xff; 7].into();
    world.producer.replace(broken.clone());
    let third = world.producer.make(&account, &mail("m3"));
    publish(&world.publisher, vec![first, broken, third]).await;
    postrider_testing::eventually("all three", SOON, || async {
        (seqs(&replica.get(&account, PATH).await) == [1, 2, 3]).then_some(())
    })
    .await;
    let page = replica.get(&account, PATH).await;
    let lost = &page["data"][1];
    assert_eq!((&lost["type"], &lost["data"]), (&json!("events.lost"), &json!({ "from_seq": 2, "to_seq": 2 })));
    assert_eq!(replica.get(&account, PATH).await, page);
    // A reader who waits there is told too, and one of chosen types is not.
    let first = replica.get(&account, &format!("{PATH}?limit=1")).await;
    assert_eq!(seqs(&replica.get(&account, &format!("{PATH}?limit=1&cursor={}", cursor(&first))).await), [2]);
    assert_eq!(seqs(&replica.get(&account, &format!("{PATH}?types=email.received")).await), [1, 3]);
}

/// A reader who has been there from the beginning is not told less of a number than one who came later.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_number_of_an_account_is_missed_by_whoever_was_there_before_it() {
    let world = World::new().await;
    let replica = world.replica(settings()).await;
    let account = Account::new("t1", "u1");
    world.send(&account, &connected(&account, 1)).await;
    let empty = postrider_testing::eventually("the account", SOON, || async {
        let page = replica.get(&account, PATH).await;
        (world.count(&account.tenant, "accounts").await == 1).then_some(page)
    })
    .await;
    let empty = if cursor(&empty).len() > 4 { empty } else { replica.get(&account, PATH).await };
    let mut broken = world.producer.make(&account, &mail("m1"));
    broken.payload = vec![0xff; 7].into();
    world.producer.replace(broken.clone());
    let second = world.producer.make(&account, &mail("m2"));
    publish(&world.publisher, vec![broken, second]).await;
    // Who has no place begins with what there is.
    postrider_testing::eventually("the second", SOON, || async {
        (seqs(&replica.get(&account, PATH).await) == [2]).then_some(())
    })
    .await;
    for place in [format!("cursor={}", cursor(&empty)), format!("as_of={}:0", account.id)] {
        let gone = refused(&replica, &account, &place, StatusCode::GONE).await;
        assert_eq!((&gone["code"], &gone["accounts"]), (&json!("cursor_expired"), &json!([account.id])), "{place}");
    }
    assert_eq!(seqs(&replica.get(&account, &format!("{PATH}?as_of={}:1", account.id)).await), [2]);
}
