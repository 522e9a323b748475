//! How long lists and searches take in a large installation: a million mails of fifty accounts. Only when asked, because it
//! takes ten minutes and 10 GB: `POSTRIDER_MEASURE_MAILS=1000000 cargo nextest run --release -p postrider-sync-worker
//! --no-capture -E 'test(a_large_installation)'`. The private Postgres keeps 256 MB in memory; one that holds an installation
//! of this size keeps a quarter of its machine's (`POSTGRES_SHARED_BUFFERS=6GB scripts/services.sh up`), in huge pages
//! (`sysctl vm.nr_hugepages=3250` before): a search reads pages anywhere in them. Of the kinds whose name holds
//! `POSTRIDER_MEASURE_KINDS`, if it is set. Before and after, as many pages are read anywhere in the table of mails as a search
//! reads at most: a machine that takes long for them takes memory away.

#![expect(
    clippy::disallowed_methods,
    clippy::too_many_lines,
    clippy::type_complexity,
    reason = "a measure: asked for by hand, read by a person"
)]

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use postrider_domain::{Clock as _, ConnectorId, LabelId, MockClock, TenantId};
use postrider_storage::Statement;
use postrider_sync_worker::rules::search::query::Query;
use postrider_sync_worker::rules::search::terms::{Field, Prefix};
use postrider_sync_worker::store::emails::{self, Filter};
use postrider_testing::db::TestDb;
use uuid::Uuid;

use crate::harness::database;

const ACCOUNTS: u128 = 50;
/// Of each kind.
const QUESTIONS: u64 = 400;
/// Pages that a search reads.
const PAGES: u64 = 400;
/// What a request may take, at the 99th percentile.
const MOST: Duration = Duration::from_millis(25);

fn account(n: u128) -> ConnectorId {
    ConnectorId(Uuid::from_u128((n + 1) << 120 | 0x7000 << 64 | n))
}

/// Ten accounts of each tenant.
fn tenant(n: u128) -> TenantId {
    TenantId::parse(format!("tenant {}", n % 5)).unwrap()
}

async fn execute(test: &TestDb, text: String) {
    let admin = test.admin().await;
    for setting in ["SET synchronous_commit = off", "SET maintenance_work_mem = '1GB'", "SET statement_timeout = 0"] {
        Statement::dynamic(setting.to_owned()).execute(&admin).await.unwrap();
    }
    Statement::dynamic(text).execute(&admin).await.unwrap();
}

/// Mails ten minutes apart, those of all accounts mixed as they came. Words are as common as in a language: the n-th in about
/// one of n mails; `everywhere` stands in all, `ago` in the older half, `lately` in the newer, and each account has a word of
/// its own.
async fn fill(test: &TestDb, each: u128) {
    let now = MockClock::default().now().to_rfc3339();
    execute(test, "DROP INDEX mailbox.email_search_document".to_owned()).await;
    let accounts: Vec<String> = (0..ACCOUNTS)
        .map(|n| {
            let prefix = |field| Prefix::of(account(n)).spell(field, "").trim_matches('\'').to_owned();
            format!(
                "({n}, '{}', '{}'::uuid, '{}', '{}')",
                tenant(n),
                account(n),
                prefix(Field::Any),
                prefix(Field::Subject)
            )
        })
        .collect();
    let accounts = format!("(VALUES {}) a (n, tenant, account, word, subject)", accounts.join(", "));
    execute(
        test,
        format!(
            "INSERT INTO mailbox.emails (tenant, email_id, connector_id, message_id, thread_id, generation, history_id, \
               subject, snippet, text, headers, recipients, sender_name, sender_email, sender_key, label_ids, received_at, \
               unread, processed, has_attachments, size_bytes, created_at, updated_at) \
             SELECT a.tenant, gen_random_uuid(), a.account, to_hex(a.n::bigint * 100000000 + i), to_hex(a.n::bigint * 100000000 + i / 3), 1, i, \
               'Subject of mail ' || i, repeat('snippet ', 20), repeat(md5(i::text) || ' ', 30), \
               jsonb_build_array(jsonb_build_array('Received', repeat('x', 300))), '{{}}', 'Somebody', \
               'from' || i % 500 || '@x.org', 'from' || i % 500 || '@x.org', \
               ARRAY['INBOX', 'Label_' || i % 40], '{now}'::timestamptz - i * interval '10 minutes', \
               i % 50 = 0, i % 400 > 0, i % 8 = 0, 40000, now(), now() \
             FROM generate_series({each}, 1, -1) i CROSS JOIN {accounts}"
        ),
    )
    .await;
    execute(
        test,
        "INSERT INTO mailbox.email_labels (tenant, connector_id, email_id, label_id, received_at) \
         SELECT tenant, connector_id, email_id, unnest(label_ids), received_at FROM mailbox.emails"
            .to_owned(),
    )
    .await;
    execute(
        test,
        format!(
            "INSERT INTO mailbox.email_search (tenant, connector_id, email_id, received_at, version, document) \
             SELECT e.tenant, e.connector_id, e.email_id, e.received_at, 1, array_to_tsvector(ARRAY(SELECT DISTINCT w FROM ( \
                 SELECT a.word || 'w' || floor(power(30000, random()))::int AS w FROM generate_series(1, 80) g \
                   WHERE e.history_id > 0 AND g > 0 \
                 UNION ALL SELECT a.subject || 'w' || floor(power(3000, random()))::int FROM generate_series(1, 5) g \
                   WHERE e.history_id > 0 AND g > 0 \
                 UNION ALL VALUES (a.word || 'everywhere'), (a.word || 'own' || a.n), \
                   (a.word || CASE WHEN e.history_id > {each} / 2 THEN 'ago' ELSE 'lately' END)) words)) \
             FROM mailbox.emails e JOIN {accounts} ON a.account = e.connector_id"
        ),
    )
    .await;
    execute(test, "CREATE INDEX email_search_document ON mailbox.email_search USING gin (document)".to_owned()).await;
    for table in ["emails", "email_labels", "email_search"] {
        execute(test, format!("VACUUM ANALYZE mailbox.{table}")).await;
    }
    // As a machine has it that has answered for a while: a page that the system has let go takes 50 times as long, and what was
    // written just now is still to be brought to the disk.
    execute(test, "CHECKPOINT".to_owned()).await;
    execute(test, "CREATE EXTENSION pg_prewarm".to_owned()).await;
    execute(
        test,
        "DO $$ BEGIN PERFORM pg_prewarm(oid, 'buffer') FROM pg_class \
         WHERE relnamespace = 'mailbox'::regnamespace AND relkind IN ('r', 'i'); END $$"
            .to_owned(),
    )
    .await;
}

/// What the machine itself takes for as many pages as a search reads.
async fn probe(test: &TestDb) -> (Duration, Duration) {
    let admin = test.admin().await;
    let text = format!(
        "SELECT count(size_bytes) FROM mailbox.emails WHERE ctid = ANY (ARRAY(SELECT format('(%s,1)', \
           floor(random() * (pg_relation_size('mailbox.emails') / 8192)))::tid FROM generate_series(1, {PAGES})))"
    );
    let mut times = Vec::new();
    for _ in 0..QUESTIONS {
        let started = Instant::now();
        Statement::dynamic(text.clone()).execute(&admin).await.unwrap();
        times.push(started.elapsed());
    }
    percentiles(&mut times)
}

/// Middle and 99th percentile.
fn percentiles(times: &mut [Duration]) -> (Duration, Duration) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_installation_answers_as_a_small_one_does() {
    let Some(mails) = std::env::var("POSTRIDER_MEASURE_MAILS").ok().and_then(|count| count.parse::<u128>().ok()) else {
        return;
    };
    let (test, each) = (database().await, mails / ACCOUNTS);
    let began = Instant::now();
    fill(&test, each).await;
    println!("{mails} mails of {ACCOUNTS} accounts, made in {:?}", began.elapsed());
    let now = MockClock::default().now();
    let days = i64::try_from(each / 144).unwrap();
    type Ask = (Option<String>, Filter);
    let kinds: Vec<(&str, Box<dyn Fn(u64) -> Ask>)> = vec![
        ("no filter", Box::new(|_| (None, Filter::default()))),
        (
            "label",
            Box::new(|n| {
                (
                    None,
                    Filter { label: vec![LabelId::parse(format!("Label_{}", n % 40)).unwrap()], ..Filter::default() },
                )
            }),
        ),
        ("unread", Box::new(|_| (None, Filter { unread: Some(true), ..Filter::default() }))),
        ("read", Box::new(|_| (None, Filter { unread: Some(false), ..Filter::default() }))),
        ("not processed", Box::new(|_| (None, Filter { processed: Some(false), ..Filter::default() }))),
        ("with attachments", Box::new(|_| (None, Filter { attachment: Some(true), ..Filter::default() }))),
        (
            "a sender",
            Box::new(|n| (None, Filter { sender_key: Some(format!("from{}@x.org", n % 500)), ..Filter::default() })),
        ),
        ("oldest first", Box::new(|_| (None, Filter { oldest_first: true, ..Filter::default() }))),
        (
            "long ago",
            Box::new(move |n| {
                let before = now - TimeDelta::days(i64::try_from(n).unwrap() % days);
                (None, Filter { received_before: Some(before), ..Filter::default() })
            }),
        ),
        ("q: any word", Box::new(|n| (Some(format!("w{}", 1 + n * 7919 % 30_000)), Filter::default()))),
        ("q: a common word, whole", Box::new(|n| (Some(format!("\"w{}\"", 1 + n % 20)), Filter::default()))),
        ("q: a word of all mails", Box::new(|_| (Some("everywhere".to_owned()), Filter::default()))),
        ("q: a common word of old mail alone", Box::new(|_| (Some("ago".to_owned()), Filter::default()))),
        ("q: two common words", Box::new(|n| (Some(format!("everywhere \"w{}\"", 1 + n % 50)), Filter::default()))),
        ("q: two that never meet", Box::new(|_| (Some("ago lately".to_owned()), Filter::default()))),
        (
            "q: a common word without another",
            Box::new(|n| (Some(format!("ago -w{}", 100 + n % 50)), Filter::default())),
        ),
        ("q: subject", Box::new(|n| (Some(format!("subject:w{}", 1 + n % 3_000)), Filter::default()))),
        ("q: a prefix of many words", Box::new(|n| (Some(format!("w{}", 1 + n % 9)), Filter::default()))),
        (
            "q: a word and a label",
            Box::new(|n| {
                let label = vec![LabelId::parse(format!("Label_{}", n % 40)).unwrap()];
                (Some("ago".to_owned()), Filter { label, ..Filter::default() })
            }),
        ),
        (
            "q: a word and the inbox",
            Box::new(|_| {
                let label = vec![LabelId::parse("INBOX").unwrap()];
                (Some("ago".to_owned()), Filter { label, ..Filter::default() })
            }),
        ),
        (
            "q: a word and read",
            Box::new(|_| (Some("ago".to_owned()), Filter { unread: Some(false), ..Filter::default() })),
        ),
        (
            "q: a word and unread",
            Box::new(|_| (Some("ago".to_owned()), Filter { unread: Some(true), ..Filter::default() })),
        ),
        ("q: a word of nobody", Box::new(|n| (Some(format!("nothing{n}")), Filter::default()))),
    ];
    let chosen = std::env::var("POSTRIDER_MEASURE_KINDS").unwrap_or_default();
    let mut slow = Vec::new();
    let (middle, limit) = probe(&test).await;
    println!("{:40} p50 {middle:>12?}  p99 {limit:>12?}", format!("{PAGES} pages anywhere, before"));
    for (what, ask) in kinds.into_iter().filter(|(what, _)| what.contains(&chosen)) {
        let (mut times, mut rows) = (Vec::new(), 0);
        for n in 0..QUESTIONS {
            let of = u128::from(n * 31) % ACCOUNTS;
            let (q, filter) = ask(n);
            let filter = Filter { accounts: vec![account(of)], limit: 51, ..filter };
            let started = Instant::now();
            let tx = test.db.tenant(&tenant(of)).await.unwrap();
            let found = match q.map(|q| Query::parse(&q).unwrap()) {
                None => emails::list(&tx, filter).await.unwrap(),
                Some(query) => {
                    let refused = query.negative(Prefix::of(account(of))).into_iter().collect();
                    let asked = query.positive(Prefix::of(account(of))).unwrap();
                    emails::search(&tx, Filter { refused, ..filter }, vec![asked]).await.unwrap()
                }
            };
            tx.commit().await.unwrap();
            times.push(started.elapsed());
            assert!(found.iter().all(|mail| mail.connector_id == account(of)), "{what}");
            rows += found.len();
        }
        let (middle, late) = percentiles(&mut times);
        println!(
            "{what:40} p50 {middle:>12?}  p99 {late:>12?}  {:.1} mails, {:.1} of {PAGES} pages",
            rows as f64 / QUESTIONS as f64,
            late.as_secs_f64() / limit.as_secs_f64()
        );
        if late > MOST {
            slow.push(what);
        }
    }
    let (middle, limit) = probe(&test).await;
    println!("{:40} p50 {middle:>12?}  p99 {limit:>12?}", format!("{PAGES} pages anywhere, after"));
    // Words of other accounts, and of other tenants, are nobody's.
    for n in 0..ACCOUNTS {
        let other = (n + 1) % ACCOUNTS;
        let asked = |of: u128, by: u128| {
            Query::parse(&format!("\"own{of}\"")).unwrap().positive(Prefix::of(account(by))).unwrap()
        };
        for (entered, searched, of, some) in [
            (tenant(n), n, n, true),
            (tenant(n), n, other, false),
            (tenant(other), n, n, false),
            (tenant(n), other, n, false),
        ] {
            let tx = test.db.tenant(&entered).await.unwrap();
            let filter = Filter { accounts: vec![account(searched)], limit: 5, ..Filter::default() };
            let found = emails::search(&tx, filter, vec![asked(of, searched)]).await.unwrap();
            assert_eq!(!found.is_empty(), some, "{entered:?} {searched} {of}");
        }
    }
    assert!(slow.is_empty(), "slower than {MOST:?}: {slow:?}");
}
