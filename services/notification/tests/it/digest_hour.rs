//! Three replicas at a digest hour, and one that is killed in the middle of it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use postrider_notification::jobs::close_digests;
use postrider_storage::Statement;
use serde_json::json;

use crate::mail_server::{Reply, Taken};
use crate::post_office::{PostOffice, time};

/// Users in the hour; 5,000 by `DIGEST_USERS=5000`.
#[expect(clippy::disallowed_methods, reason = "a switch of this test alone")]
fn users() -> usize {
    std::env::var("DIGEST_USERS").ok().and_then(|users| users.parse().ok()).unwrap_or(300)
}

/// That many users with three notifications each and a digest at nine.
async fn full_house(users: usize) -> PostOffice {
    let office = PostOffice::new().await;
    let admin = office.world.db.admin().await;
    let settings = json!({ "digestFrequency": "daily", "digestTime": "09:00", "digestTimezone": "Europe/Berlin" });
    let text = "WITH u AS (SELECT n, 'u' || n AS user_id, 't' || n % 7 AS tenant FROM generate_series(1, $1::bigint) n), \
         made AS (INSERT INTO notification.users (tenant, user_id, epoch, nseq, unread, created_at, updated_at) \
                  SELECT tenant, user_id, gen_random_uuid(), 3, 3, $2, $2 FROM u), \
         a AS (INSERT INTO notification.accounts (tenant, account_id, user_id, email_address, version_at, created_at, updated_at) \
               SELECT tenant, gen_random_uuid(), user_id, user_id || '@example.org', $2, $2, $2 FROM u), \
         p AS (INSERT INTO notification.preferences (tenant, user_id, id, settings, created_at, updated_at) \
               SELECT tenant, user_id, gen_random_uuid(), $4, $2, $2 FROM u), \
         s AS (INSERT INTO notification.digest_schedules (id, tenant, user_id, since, period_start, due_at, created_at, updated_at) \
               SELECT gen_random_uuid(), tenant, user_id, $2, $2, $3, $2, $2 FROM u) \
         INSERT INTO notification.notifications (tenant, id, user_id, type, business_key, title, message, created_nseq, nseq, \
             expires_at, decision, created_at, updated_at) \
         SELECT tenant, gen_random_uuid(), user_id, 'custom', k::text, user_id || ' ' || k, 'm', k, k, $3::timestamptz + interval '30 days', \
             '[]', $2, $2 FROM u CROSS JOIN generate_series(1, 3) k";
    let due = time("2026-06-02T07:00:00Z");
    Statement::dynamic(text.to_owned())
        .binds((i64::try_from(users).unwrap(), office.actions.now(), due, settings))
        .execute(&admin)
        .await
        .unwrap();
    office.clock.set(due);
    office
}

/// One replica of the hour's jobs.
async fn replica(office: &PostOffice, connections: &str) {
    close_digests(&office.world.db.db, &office.actions).await.unwrap();
    let postman = office.postman_by(office.server.settings_with(&[("SMTP_CONNECTIONS", connections)]));
    // What goes out by HTTP is looked for before, and at the same time.
    let engine = office.engine();
    engine.work().await.unwrap();
    let (mails, others) = tokio::join!(postman.work(), engine.work());
    mails.unwrap();
    others.unwrap();
}

/// The mails each address got.
fn by_address(taken: &[Taken]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for mail in taken {
        all.entry(mail.to.clone()).or_default().push(mail.message_id());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn three_replicas_send_each_digest_of_an_hour_once() {
    let users = users();
    let office = full_house(users).await;
    let begun = Instant::now();
    tokio::join!(replica(&office, "4"), replica(&office, "4"), replica(&office, "4"));
    // What one closed after another had looked for mails.
    replica(&office, "4").await;
    let taken = office.server.taken();
    eprintln!("{users} digests by three replicas: {} mails in {:?}", taken.len(), begun.elapsed());
    let got = by_address(&taken);
    assert_eq!((got.len(), taken.len()), (users, users));
    assert!(taken.iter().all(|mail| mail.text().contains("3 notifications")));
    assert_eq!(office.mails().await, vec!["delivered".to_owned(); users]);
    let sent = "SELECT count(*)::text AS value FROM notification.digests WHERE email_sent_at IS NOT NULL";
    assert_eq!(office.texts(sent).await, [users.to_string()]);
    let left = "SELECT count(*)::text AS value FROM notification.notifications WHERE digest_id IS NULL";
    assert_eq!(office.texts(left).await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_killed_in_the_middle_leaves_each_digest_once_or_doubtful_under_one_id() {
    let users = users();
    let office = full_house(users).await;
    // Four mails are taken and never answered for: whoever sent them is killed then.
    close_digests(&office.world.db.db, &office.actions).await.unwrap();
    office.server.replies([Reply::TakeAndHang; 4]);
    let doomed = office.postman_by(office.server.settings_with(&[("SMTP_CONNECTIONS", "4")]));
    #[expect(clippy::disallowed_methods, reason = "killed below")]
    let killed = tokio::spawn(async move { doomed.work().await });
    office.server.took(4).await;
    killed.abort();
    let _aborted = killed.await;
    tokio::join!(replica(&office, "4"), replica(&office, "4"));
    // Unless that took a minute by itself, the claims of the killed one hold still.
    office.forget_claims().await;
    replica(&office, "4").await;
    let got = by_address(&office.server.taken());
    assert_eq!(got.len(), users);
    let twice: Vec<_> = got.values().filter(|ids| ids.len() > 1).collect();
    assert!(twice.iter().all(|ids| ids.len() == 2 && ids[0] == ids[1]), "{twice:?}");
    let states = office.mails().await;
    let count = |wanted: &str| states.iter().filter(|state| state.as_str() == wanted).count();
    assert_eq!((twice.len(), count("delivered doubtful"), count("delivered")), (4, 4, users - 4));
    assert_eq!(office.tried("kept_doubtful"), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_killed_while_it_closes_digests_loses_and_doubles_none() {
    let office = full_house(60).await;
    for round in 0..4 {
        // Cut off after ever more of its work: whatever was not committed was not done.
        let cut = Duration::from_millis(10 + 40 * round);
        let _cut = tokio::time::timeout(cut, close_digests(&office.world.db.db, &office.actions)).await;
    }
    let text = "UPDATE notification.digest_schedules SET claimed_until = clock_timestamp() - interval '1 second' \
                WHERE claimed_until IS NOT NULL";
    Statement::dynamic(text.to_owned()).execute(&office.world.db.admin().await).await.unwrap();
    replica(&office, "4").await;
    assert_eq!((by_address(&office.server.taken()).len(), office.server.taken().len()), (60, 60));
}
