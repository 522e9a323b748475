//! Whatever is asked, a search finds what reading every document finds.

use postrider_domain::{EmailId, Timestamp};
use postrider_storage::{Statement, TenantTx};
use postrider_sync_worker::rules::search::terms::{Field, Prefix};
use postrider_sync_worker::store::search::{Hit, Lookup, find, holding};
use postrider_testing::db::TestDb;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::{account, tenant};
use crate::harness::database;
use crate::property::number;

/// Mails of the account.
const MAILS: i64 = 7_000;
const WORDS: usize = 14;
/// Sets of words, and searches of each; `POSTRIDER_CASES` asks for more.
const SETS: u64 = 3;
const SEARCHES: u64 = 60;

/// A word: the mails it begins and ends at, and that every so many of these hold it.
type Word = (i64, i64, i64);

fn word() -> impl Strategy<Value = Word> {
    let lengths = prop_oneof![1..30_i64, 200..700_i64, 1_000..MAILS];
    (0..MAILS, lengths, prop_oneof![Just(1), Just(2), 3..12_i64, 20..200_i64])
        .prop_map(|(first, length, every)| (first, first + length, every))
}

/// One or more words, some as beginnings, some refused, some together.
fn query() -> impl Strategy<Value = String> {
    let one = (0..WORDS, any::<bool>()).prop_map(|(n, open)| {
        let spelled = Prefix::of(account(2)).spell(Field::Any, &format!("w{n}"));
        if open { spelled + ":*" } else { spelled }
    });
    one.prop_recursive(2, 5, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("{one} & {other}")),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| format!("({one} | {other})")),
            (inner.clone(), inner).prop_map(|(one, other)| format!("{one} & !({other})")),
        ]
    })
}

type Asked = (String, bool, Option<usize>, Option<usize>, Option<usize>, i64);

fn asked() -> impl Strategy<Value = Asked> {
    let mail = || prop::option::weighted(0.3, 0..MAILS as usize);
    let most = prop_oneof![Just(1), Just(64), Just(900), Just(20_000)];
    (query(), any::<bool>(), mail(), mail(), mail(), most)
}

/// Some mails of one time each minute, then none for years, as mailboxes have them.
async fn fill(test: &TestDb, words: &[Word]) {
    let prefix = Prefix::of(account(2)).spell(Field::Any, "").trim_matches('\'').to_owned();
    let words: Vec<String> = words
        .iter()
        .enumerate()
        .map(|(n, (first, last, every))| {
            format!(
                "CASE WHEN i >= {first} AND i < {last} AND i % {every} = 0 THEN ARRAY['{prefix}w{n}'] ELSE '{{}}' END"
            )
        })
        .collect();
    let text = format!(
        "DELETE FROM mailbox.email_search; \
         INSERT INTO mailbox.email_search (tenant, connector_id, email_id, received_at, version, document) \
         SELECT 'even', '{}', lpad(to_hex(i * 7919 % 65521), 32, '0')::uuid, \
           '2026-01-01'::timestamptz - i / 4 * interval '1 minute' - i / 2500 * interval '800 days', 1, \
           array_to_tsvector(ARRAY['{prefix}all'] || {}) \
         FROM generate_series(1, {MAILS}) i; ANALYZE mailbox.email_search",
        account(2),
        words.join(" || ")
    );
    for text in text.split("; ") {
        Statement::dynamic(text.to_owned()).execute(&test.admin().await).await.unwrap();
    }
}

/// What every document says, in order.
async fn read_all(test: &TestDb, query: &str) -> Vec<(Timestamp, EmailId)> {
    let text = "SELECT email_id, received_at FROM mailbox.email_search \
        WHERE document @@ $1::tsquery ORDER BY received_at DESC, email_id DESC";
    let all: Vec<Hit> = Statement::dynamic(text.to_owned()).bind(query).load(&test.admin().await).await.unwrap();
    all.into_iter().map(|hit| (hit.received_at, hit.email_id)).collect()
}

async fn check(test: &TestDb, tx: &TenantTx, mails: &[(Timestamp, EmailId)], asked: Asked) {
    let (query, oldest_first, since, until, behind, most) = asked;
    let place = |n: usize| mails[n];
    let lookup = Lookup {
        accounts: vec![account(2)],
        queries: vec![query.clone()],
        oldest_first,
        since: since.map(|n| place(n).0),
        until: until.map(|n| place(n).0),
        behind: behind.map(place),
    };
    let all = read_all(test, &query).await;
    let mut wanted = all.clone();
    if oldest_first {
        wanted.reverse();
    }
    wanted.retain(|(at, id)| {
        let beyond =
            lookup.behind.is_none_or(|behind| if oldest_first { (*at, *id) > behind } else { (*at, *id) < behind });
        beyond && lookup.since.is_none_or(|since| *at >= since) && lookup.until.is_none_or(|until| *at < until)
    });
    wanted.truncate(usize::try_from(most).unwrap());
    let found: Vec<_> =
        find(tx, &lookup, most).await.unwrap().into_iter().map(|hit| (hit.received_at, hit.email_id)).collect();
    assert!(found == wanted, "{lookup:?}, {most}: {} found of {}", found.len(), wanted.len());
    // Of a list of mails, the same.
    let listed: Vec<Hit> = mails.iter().step_by(9).map(|(at, id)| Hit { email_id: *id, received_at: *at }).collect();
    let held = holding(tx, &lookup, &listed).await.unwrap();
    for mail in listed {
        let wanted = all.binary_search_by(|place| (mail.received_at, mail.email_id).cmp(place)).is_ok();
        assert_eq!(held.contains(&mail.email_id), wanted, "{query}: {mail:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_what_is_found_is_what_there_is() {
    for seed in 0..SETS {
        let mut runner = TestRunner::new(Config { rng_seed: RngSeed::Fixed(seed), ..Config::default() });
        let test = database().await;
        let words = prop::collection::vec(word(), WORDS).new_tree(&mut runner).unwrap().current();
        fill(&test, &words).await;
        let everywhere = Prefix::of(account(2)).spell(Field::Any, "all");
        let mails = read_all(&test, &everywhere).await;
        assert_eq!(i64::try_from(mails.len()).unwrap(), MAILS);
        let tx = test.db.tenant(&tenant(2)).await.unwrap();
        for _ in 0..number("POSTRIDER_CASES").unwrap_or(SEARCHES) {
            check(&test, &tx, &mails, asked().new_tree(&mut runner).unwrap().current()).await;
        }
    }
}
