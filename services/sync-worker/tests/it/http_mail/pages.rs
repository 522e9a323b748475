//! Pages: everything once, whatever arrives meanwhile.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use postrider_gmail_sim::Deliver;

use crate::http_world::{ANN, Account, World};

/// Reads all pages; `between` happens before each further one.
async fn all_pages(world: &World, who: &Account, query: &str, between: impl AsyncFn()) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let more = cursor.map_or_else(String::new, |cursor| format!("&cursor={cursor}"));
        let page = world.get(who, &format!("/api/v1/emails?{query}{more}")).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let mails = page.body["data"].as_array().unwrap();
        ids.extend(mails.iter().map(|mail| mail["message_id"].as_str().unwrap().to_owned()));
        cursor = page.body["next_cursor"].as_str().map(str::to_owned);
        assert!(cursor.is_none() || mails.len() == 4, "only the last page may be short");
        if cursor.is_none() {
            return ids;
        }
        between().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_complete_and_stable_while_mail_arrives() {
    let (world, ann) = World::with_account(0).await;
    let gmail = world.sim.world();
    let start = gmail.now() - TimeDelta::hours(5);
    // Many of one moment: the time alone does not order them.
    let dates = (0..18).map(|n| start + TimeDelta::minutes(n / 6));
    let mails = dates.map(|date| Deliver { internal_date: Some(date), ..Deliver::default() }).collect();
    let original: BTreeSet<String> = gmail.deliver_all(ANN, mails).unwrap().iter().map(ToString::to_string).collect();
    world.sync(&ann).await;
    let arrive = async || {
        // One at each end, and one of the same moment as others.
        for date in [start - TimeDelta::hours(1), start + TimeDelta::minutes(1), gmail.now()] {
            gmail.deliver(ANN, Deliver { internal_date: Some(date), ..Deliver::default() }).unwrap();
        }
        world.sync(&ann).await;
    };
    for query in ["limit=4", "limit=4&sort=received_at", "limit=4&label=INBOX"] {
        let ids = all_pages(&world, &ann, query, &arrive).await;
        let unique: BTreeSet<String> = ids.iter().cloned().collect();
        assert_eq!(unique.len(), ids.len(), "{query}: a mail was shown twice");
        assert!(unique.is_superset(&original), "{query}: {:?} were not shown", original.difference(&unique));
    }
    // Nothing arrives: exactly what is there, in one order and its reverse.
    let quiet = async || {};
    let truth: BTreeSet<String> = gmail.truth(ANN).unwrap().into_keys().collect();
    let newest_first = all_pages(&world, &ann, "limit=4", &quiet).await;
    let mut oldest_first = all_pages(&world, &ann, "limit=4&sort=received_at", &quiet).await;
    oldest_first.reverse();
    assert_eq!(newest_first, oldest_first);
    assert_eq!(newest_first.iter().cloned().collect::<BTreeSet<_>>(), truth);
}
