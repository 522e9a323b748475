//! What lists and searches read, as the service's own role under row-level security: a page costs about a page, whatever is
//! asked and however large the mailbox is. An expression that is not leakproof would keep a condition out of its index and
//! make a page of ten read thousands.

mod any_search;
mod stretches;
mod words_and_filters;

use chrono::TimeDelta;
use postrider_domain::{Clock as _, ConnectorId, LabelId, MockClock, TenantId};
use postrider_storage::{Statement, TenantTx, row, sql};
use postrider_sync_worker::rules::search::query::Query;
use postrider_sync_worker::rules::search::terms::Prefix;
use postrider_sync_worker::store::emails::{self, Filter};
use postrider_testing::db::TestDb;
use uuid::Uuid;

use crate::harness::database;

/// Accounts, half of them another tenant's, and mails of each.
const ACCOUNTS: u128 = 8;
const MAILS: i64 = 4_000;
/// Mails that a search looks at before it asks the index of words.
const WALK: i64 = 150;
/// Of these, so many where none of them holds the words. Then mails at twelve places are looked at, and in a second round at
/// twenty-four.
const GLANCE: i64 = 60;
const PEEKS: i64 = 48;
/// Looks that a walk takes; one at the account's last mail and the places; the second round; one at the end of a stretch and
/// those at words and order.
const WALKING: i64 = 1;
const PEEKING: i64 = 1 + 12;
const AGAIN: i64 = 24;
const STRETCH: i64 = 1 + 2;

fn account(n: u128) -> ConnectorId {
    ConnectorId(Uuid::from_u128(n << 96 | n))
}

fn tenant(n: u128) -> TenantId {
    TenantId::parse(if n.is_multiple_of(2) { "even" } else { "odd" }).unwrap()
}

/// Behind these mails the words `early` and `beginning` stand in each.
const EARLY: i64 = 1_500;
const EARLIEST: i64 = 3_200;

/// Mails an hour apart, newest first by number. `everywhere` stands in all, `old` in the oldest ten, `rare` in every
/// thousandth.
async fn fill() -> TestDb {
    let test = database().await;
    let admin = test.admin().await;
    let now = MockClock::default().now().to_rfc3339();
    for n in 0..ACCOUNTS {
        let (account, tenant) = (account(n), tenant(n));
        let prefix = Prefix::of(account).spell(postrider_sync_worker::rules::search::terms::Field::Any, "");
        let prefix = prefix.trim_matches('\'');
        let id = format!("overlay(overlay(lpad(to_hex(i), 32, '0') placing '{n:x}' from 1) placing '7' from 13)::uuid");
        for text in [
            format!(
                "INSERT INTO mailbox.emails (tenant, email_id, connector_id, message_id, thread_id, generation, history_id, \
                   subject, sender_email, sender_key, label_ids, received_at, unread, processed, has_attachments, created_at, \
                   updated_at) \
                 SELECT '{tenant}', {id}, '{account}', to_hex(i), to_hex(i / 3), 1, i, 'mail ' || i, 'a@x.org', \
                   'from' || i % 100 || '@x.org', ARRAY['INBOX', 'Label_' || i % 50] || CASE WHEN i % 10 = 0 THEN ARRAY['Tenth'] ELSE '{{}}' END, \
                   '{now}'::timestamptz - i * interval '1 hour', i % 200 = 0, i % 400 > 0, i % 300 = 0, now(), now() \
                 FROM generate_series(1, {MAILS}) i"
            ),
            format!(
                "INSERT INTO mailbox.email_labels (tenant, connector_id, email_id, label_id, received_at) \
                 SELECT tenant, connector_id, email_id, unnest(label_ids), received_at FROM mailbox.emails \
                 WHERE connector_id = '{account}'"
            ),
            format!(
                "INSERT INTO mailbox.email_search (tenant, connector_id, email_id, received_at, version, document) \
                 SELECT tenant, connector_id, email_id, received_at, 1, to_tsvector('simple', '') || array_to_tsvector( \
                   ARRAY['{prefix}everywhere', '{prefix}number' || history_id] \
                   || CASE WHEN history_id > {MAILS} - 10 THEN ARRAY['{prefix}old'] ELSE '{{}}' END \
                   || CASE WHEN history_id > {EARLY} THEN ARRAY['{prefix}early'] ELSE '{{}}' END \
                   || CASE WHEN history_id > {EARLIEST} THEN ARRAY['{prefix}beginning'] ELSE '{{}}' END \
                   || CASE WHEN history_id % 1000 = 0 THEN ARRAY['{prefix}rare'] ELSE '{{}}' END) \
                 FROM mailbox.emails WHERE connector_id = '{account}'"
            ),
        ] {
            Statement::dynamic(text).execute(&admin).await.unwrap();
        }
    }
    for table in ["emails", "email_labels", "email_search"] {
        Statement::dynamic(format!("VACUUM ANALYZE mailbox.{table}")).execute(&admin).await.unwrap();
    }
    test
}

row! {
    /// What this connection read of a table since its counters were last sent on.
    #[derive(Debug, Clone, PartialEq, Eq)]
    struct Read {
        whole: i64,
        rows: i64,
        looks: i64,
    }
}

async fn read(tx: &TenantTx, table: &str) -> Read {
    sql("SELECT seq_scan AS whole, coalesce(idx_tup_fetch, 0) AS rows, coalesce(idx_scan, 0) AS looks \
         FROM pg_stat_xact_user_tables WHERE schemaname = 'mailbox' AND relname = $1")
    .bind(table)
    .get_result(tx)
    .await
    .unwrap()
}

/// Rows of a small table lie on few pages, so that reading all of an account's costs next to nothing. As if they lay apart.
async fn rows_are_dear(tx: &TenantTx) {
    sql("SET LOCAL cpu_tuple_cost = 4").execute(tx).await.unwrap();
}

/// What `what` reads of two tables. The counters go on from one transaction to the next.
async fn reading<T>(tx: &TenantTx, tables: [&str; 2], what: impl Future<Output = T>) -> (T, [Read; 2]) {
    let before = [read(tx, tables[0]).await, read(tx, tables[1]).await];
    let done = what.await;
    let after = [read(tx, tables[0]).await, read(tx, tables[1]).await];
    let less = |n: usize| Read {
        whole: after[n].whole - before[n].whole,
        rows: after[n].rows - before[n].rows,
        looks: after[n].looks - before[n].looks,
    };
    (done, [less(0), less(1)])
}

fn filter() -> Filter {
    Filter { accounts: vec![account(2)], limit: 11, ..Filter::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_costs_a_page_whatever_it_is_filtered_by() {
    let test = fill().await;
    let start = MockClock::default().now();
    let label = |label: &str| vec![LabelId::parse(label).unwrap()];
    let table: Vec<(&str, Filter, usize)> = vec![
        ("nothing", filter(), 11),
        ("several accounts", Filter { accounts: vec![account(0), account(2), account(4)], ..filter() }, 11),
        ("a label", Filter { label: label("Label_7"), ..filter() }, 11),
        ("a label nobody has", Filter { label: label("Label_77"), ..filter() }, 0),
        ("a thread", Filter { thread_id: "3e8".parse().ok(), ..filter() }, 3),
        ("a message", Filter { message_id: "3e8".parse().ok(), ..filter() }, 1),
        ("unread", Filter { unread: Some(true), ..filter() }, 11),
        ("not processed", Filter { processed: Some(false), ..filter() }, 10),
        ("with attachments", Filter { attachment: Some(true), ..filter() }, 11),
        ("a sender", Filter { sender_key: Some("from77@x.org".to_owned()), ..filter() }, 11),
        ("a sender nobody knows", Filter { sender_key: Some("nobody@x.org".to_owned()), ..filter() }, 0),
        ("long ago", Filter { received_before: Some(start - TimeDelta::hours(3_000)), ..filter() }, 11),
        (
            "behind a page",
            Filter {
                after: Some((start - TimeDelta::hours(2_000), account(2).0.to_string().parse().unwrap())),
                ..filter()
            },
            11,
        ),
        ("oldest first", Filter { oldest_first: true, ..filter() }, 11),
    ];
    for (what, filter, wanted) in table {
        let accounts = i64::try_from(filter.accounts.len()).unwrap();
        let tx = test.db.tenant(&tenant(2)).await.unwrap();
        let (rows, reads) = reading(&tx, ["emails", "email_labels"], emails::list(&tx, filter)).await;
        assert_eq!(rows.unwrap().len(), wanted, "{what}");
        for read in reads {
            assert!(read.whole == 0 && read.rows <= 15 * accounts, "{what} reads {read:?}");
        }
    }
    // Of another tenant nothing is to be had, by any name.
    let tx = test.db.tenant(&tenant(1)).await.unwrap();
    assert!(emails::list(&tx, filter()).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_looked_up_once_and_in_the_index() {
    let test = fill().await;
    for (q, wanted, most_looks, most_found) in [
        // What most mails hold is found among the newest.
        ("everywhere", 11, WALKING, WALK),
        // What hardly a mail holds is looked up.
        ("\"number77\"", 1, WALKING + PEEKING + 1, GLANCE + PEEKS + 1),
        ("old", 10, WALKING + PEEKING + 1, GLANCE + PEEKS + 10),
        ("rare", 4, WALKING + PEEKING + 1, GLANCE + PEEKS + 4),
        ("everywhere \"number77\"", 1, WALKING + PEEKING + 1, GLANCE + PEEKS + 1),
        ("everywhere -rare", 11, WALKING, WALK),
        ("nowhere", 0, WALKING + PEEKING + 1, GLANCE + PEEKS),
        // What many hold and the newest do not: where it begins, and what one stretch has of it.
        ("early", 11, WALKING + PEEKING + AGAIN + STRETCH, GLANCE + 2 * PEEKS + 50),
        ("beginning", 11, WALKING + PEEKING + AGAIN + STRETCH, GLANCE + 2 * PEEKS + 50),
        ("early -beginning", 11, WALKING + PEEKING + AGAIN + STRETCH, GLANCE + 2 * PEEKS + 50),
        ("early beginning", 11, WALKING + PEEKING + AGAIN + STRETCH, GLANCE + 2 * PEEKS + 50),
    ] {
        let query = Query::parse(q).unwrap().positive(Prefix::of(account(2))).unwrap();
        let tx = test.db.tenant(&tenant(2)).await.unwrap();
        let searched = emails::search(&tx, filter(), vec![query]);
        let (rows, [found, mails]) = reading(&tx, ["email_search", "emails"], searched).await;
        assert_eq!(rows.unwrap().len(), wanted, "{q}");
        // The account's newest mails are looked at, then its words: not those of the other seven.
        assert!(found.whole == 0 && found.looks <= most_looks && found.rows <= most_found, "{q} reads {found:?}");
        assert!(mails.whole == 0 && mails.rows <= 200, "{q} reads {mails:?} of emails");
    }
    let refused = Query::parse("-everywhere -rare").unwrap().negative(Prefix::of(account(2))).unwrap();
    let tx = test.db.tenant(&tenant(2)).await.unwrap();
    let before = MockClock::default().now() - TimeDelta::hours(MAILS - 20);
    let filter = Filter { refused: vec![refused], received_before: Some(before), ..filter() };
    let (rows, reads) = reading(&tx, ["emails", "email_search"], emails::list(&tx, filter)).await;
    assert!(rows.unwrap().is_empty());
    assert!(reads.iter().all(|read| read.whole == 0 && read.rows <= 50), "{reads:?}");
}
