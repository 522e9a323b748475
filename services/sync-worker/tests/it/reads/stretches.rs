//! A word that many old mails hold and the newest do not is read stretch by stretch.

use chrono::TimeDelta;
use postrider_domain::{Clock as _, EmailId, MockClock, Timestamp};
use postrider_storage::{Statement, TenantTx};
use postrider_sync_worker::rules::search::terms::{Field, Prefix};
use postrider_sync_worker::store::search::{Lookup, find};
use postrider_testing::db::TestDb;
use uuid::Uuid;

use super::{AGAIN, GLANCE, PEEKING, PEEKS, STRETCH, WALK, WALKING, account, reading, rows_are_dear, tenant};
use crate::harness::database;

/// Mails of the account, three of each minute, so that a stretch ends among mails of one time.
const MAILS: i64 = 12_000;
/// Where the words `early` and `beginning` begin.
const EARLY: i64 = 6_000;
const BEGINNING: i64 = 11_000;
/// `between` stands in so many, which begin behind this mail, between two of the places that are looked at.
const BETWEEN: i64 = 500;
const BEFORE: i64 = 5_700;

async fn fill() -> TestDb {
    let test = database().await;
    let admin = test.admin().await;
    let prefix = Prefix::of(account(2)).spell(Field::Any, "").trim_matches('\'').to_owned();
    let now = MockClock::default().now().to_rfc3339();
    let text = format!(
        "INSERT INTO mailbox.email_search (tenant, connector_id, email_id, received_at, version, document) \
         SELECT 'even', '{}', lpad(to_hex(i * 7919 % 65521), 32, '0')::uuid, '{now}'::timestamptz - i / 3 * interval '1 minute', 1, \
           array_to_tsvector(ARRAY['{prefix}everywhere'] \
             || CASE WHEN i % 7 = 0 THEN ARRAY['{prefix}seventh'] ELSE '{{}}' END \
             || CASE WHEN i > {EARLY} THEN ARRAY['{prefix}early'] ELSE '{{}}' END \
             || CASE WHEN i > {BEGINNING} THEN ARRAY['{prefix}beginning'] ELSE '{{}}' END \
             || CASE WHEN i > {BEFORE} AND i <= {BEFORE} + {BETWEEN} THEN ARRAY['{prefix}between'] ELSE '{{}}' END \
             || CASE WHEN i % 40 = 0 AND i < 200 THEN ARRAY['{prefix}topic'] ELSE '{{}}' END) \
         FROM generate_series(1, {MAILS}) i",
        account(2)
    );
    Statement::dynamic(text).execute(&admin).await.unwrap();
    Statement::dynamic("VACUUM ANALYZE mailbox.email_search".to_owned()).execute(&admin).await.unwrap();
    test
}

/// The places of mails of these numbers, in the order of lists.
fn places(mails: std::ops::Range<i64>, oldest_first: bool) -> Vec<(Timestamp, EmailId)> {
    let now = MockClock::default().now();
    let mut places: Vec<_> = mails
        .map(|i| {
            let id = Uuid::from_u128((i * 7919 % 65521) as u128);
            (now - TimeDelta::minutes(i / 3), id.to_string().parse().unwrap())
        })
        .collect();
    places.sort_unstable();
    if !oldest_first {
        places.reverse();
    }
    places
}

async fn pages(tx: &TenantTx, lookup: &Lookup, most: i64) -> Vec<(Timestamp, EmailId)> {
    let (mut lookup, mut found) = (lookup.clone(), Vec::new());
    loop {
        let hits = find(tx, &lookup, most).await.unwrap();
        let full = i64::try_from(hits.len()).unwrap() == most;
        found.extend(hits.into_iter().map(|hit| (hit.received_at, hit.email_id)));
        if !full {
            return found;
        }
        lookup.behind = found.last().copied();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_found_stretch_by_stretch_is_what_there_is() {
    let test = fill().await;
    let tx = test.db.tenant(&tenant(2)).await.unwrap();
    let spell = |word: &str, rest: &str| Prefix::of(account(2)).spell(Field::Any, word) + rest;
    for oldest_first in [false, true] {
        let (everywhere, early, beginning) = (spell("everywhere", ":*"), spell("early", ":*"), spell("beginning", ""));
        let (old, oldest) = (EARLY + 1..MAILS + 1, BEGINNING + 1..MAILS + 1);
        for (query, mails) in [
            (everywhere.clone(), 1..MAILS + 1),
            (spell("early", ""), old.clone()),
            (early.clone(), old.clone()),
            (beginning.clone(), oldest.clone()),
            (spell("between", ":*"), BEFORE + 1..BEFORE + BETWEEN + 1),
            (format!("{everywhere} & {beginning}"), oldest.clone()),
            (format!("{everywhere} & {early} & {beginning}"), oldest.clone()),
            (format!("{early} & !{beginning}"), EARLY + 1..BEGINNING + 1),
            (format!("({early} | {beginning})"), old),
            (format!("{everywhere} & ({beginning} | {})", spell("nobody", "")), oldest),
        ] {
            let lookup =
                Lookup { accounts: vec![account(2)], queries: vec![query.clone()], oldest_first, ..Lookup::default() };
            let wanted = places(mails, oldest_first);
            for most in [901, 50_000] {
                assert_eq!(pages(&tx, &lookup, most).await, wanted, "{query} {oldest_first} {most}");
            }
            // Between two times, both in the middle of a stretch.
            let (since, until) = (wanted[wanted.len() / 2].0, wanted[wanted.len() / 4].0);
            let (since, until) = (since.min(until), since.max(until));
            let inner: Vec<_> = wanted.into_iter().filter(|(at, _)| (since..until).contains(at)).collect();
            let lookup = Lookup { since: Some(since), until: Some(until), ..lookup };
            assert_eq!(pages(&tx, &lookup, 350).await, inner, "{query} {oldest_first} between");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_is_read_than_a_stretch_has() {
    let test = fill().await;
    let spell = |word: &str, rest: &str| Prefix::of(account(2)).spell(Field::Any, word) + rest;
    let (early, everywhere) = (spell("early", ":*"), spell("everywhere", ":*"));
    // Two hours after it began.
    let window = MockClock::default().now() - TimeDelta::minutes(EARLY / 3 - 120);
    // Where a word begins is known to a 288th of the account, and half as many mails again are read as are wanted.
    let rows = GLANCE + 2 * PEEKS + MAILS / 288 + 64 * 3 / 2;
    let looks = WALKING + PEEKING + AGAIN + STRETCH;
    for (query, since, wanted, rows, looks) in [
        (spell("early", ""), None, 64, rows, looks),
        (early.clone(), None, 64, rows, looks),
        (format!("{early} & !{}", spell("seventh", "")), None, 64, rows, looks),
        // The planner thinks that hardly a mail holds all of these; 6,000 do.
        (format!("{everywhere} & {early} & {} & {}", spell("every", ":*"), spell("ear", ":*")), None, 64, rows, looks),
        (spell("beginning", ""), None, 64, rows, looks),
        // Between two places: some are read before it is known that they are many, and then all of them, by the second stretch.
        (spell("between", ""), None, 64, GLANCE + PEEKS + 400 + BETWEEN, WALKING + PEEKING + 1 + 2 * STRETCH),
        // Every seventh: what 64 of them take, and half as much again.
        (spell("seventh", ""), None, 64, WALK + 64 * 2, WALKING + STRETCH),
        // All that hold them came before.
        (early.clone(), Some(window), 0, GLANCE + PEEKS, WALKING + PEEKING + 2),
        (format!("{everywhere} & {early}"), Some(window), 0, GLANCE + PEEKS, WALKING + PEEKING + 2),
        // Three among the newest, one behind: it is looked up, and the account is not gone through.
        (spell("topic", ""), None, 4, WALK + 1 + 4, WALKING + STRETCH + 1),
    ] {
        let lookup = Lookup { accounts: vec![account(2)], queries: vec![query.clone()], since, ..Lookup::default() };
        let tx = test.db.tenant(&tenant(2)).await.unwrap();
        rows_are_dear(&tx).await;
        let (hits, [found, _]) = reading(&tx, ["email_search", "emails"], find(&tx, &lookup, 64)).await;
        assert_eq!(hits.unwrap().len(), wanted, "{query}");
        assert!(found.whole == 0 && found.rows <= rows && found.looks <= looks, "{query} reads {found:?} of {rows}");
    }
}
