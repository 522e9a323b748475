//! A database for a whole test, a tenant and a mailbox for each case, and an engine over them.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use postrider_contracts::connector::ConnectorState;
use postrider_contracts::mailbox::{EmailReceived, EmailSent};
use postrider_contracts::{Envelope, Event, streams};
use postrider_domain::{ConnectorId, MockClock, Seams, TenantId};
use postrider_storage::types::{Array, BigInt, Bool, Integer, Text, Uuid as SqlUuid};
use postrider_storage::{Db, QueryableByName, Spec, sql};
use postrider_sync_worker::engine::{Engine, Parts, Settings};
use postrider_sync_worker::metrics::Metrics;
use postrider_sync_worker::store::mailboxes;
use postrider_testing::db::TestDb;
use tokio_util::sync::CancellationToken;

use crate::gmail::SimAccess;

/// A fresh database of sync-worker.
pub async fn database() -> TestDb {
    TestDb::fresh(Spec::SYNC_WORKER, postrider_sync_worker::store::migrations).await
}

/// An engine over the given access, with everything that waits made short.
pub fn engine(db: &Db, access: SimAccess, seams: Seams, owner: &str) -> Engine {
    let settings = Settings {
        live_tick: Duration::from_millis(2),
        backfill_slice: Duration::from_millis(400),
        fetch_retries: 1,
        fetch_pause: Duration::ZERO,
        scan_every: Duration::from_millis(20),
        // A few small mails: steps are cut in the middle.
        max_ahead_bytes: 4 << 10,
        ..Settings::default()
    };
    Engine::new(Parts {
        db: db.clone(),
        access: Arc::new(access),
        seams,
        settings,
        metrics: Metrics::new(&prometheus::Registry::new()),
        owner: owner.to_owned(),
        stop: CancellationToken::new(),
    })
}

/// Ids and clock of a case.
pub struct Ids {
    pub tenant: TenantId,
    pub connector: ConnectorId,
    pub address: String,
    pub clock: MockClock,
    pub seams: Seams,
}

impl Ids {
    pub fn of(seed: u64) -> Self {
        let clock = MockClock::default();
        let seams = Seams::seeded(Arc::new(clock.clone()), seed);
        let connector = ConnectorId(seams.ids.uuid());
        let tenant = TenantId::parse(format!("t-{seed}")).unwrap();
        Self { tenant, connector, address: format!("user{seed}@example.com"), clock, seams }
    }

    /// connector said that the account was connected.
    pub async fn connect(&self, db: &Db, sub: &str) {
        let state = ConnectorState {
            version: 1,
            connector_id: self.connector.to_string(),
            owner: "owner".to_owned(),
            google_sub: sub.to_owned(),
            email_address: self.address.clone(),
            status: "active".to_owned(),
            ..ConnectorState::default()
        };
        let mut tx = db.tenant(&self.tenant).await.unwrap();
        let now = postrider_domain::Clock::now(&self.clock);
        assert!(mailboxes::apply_state(&mut tx, &self.tenant, &state, self.connector, now).await.unwrap());
        tx.commit().await.unwrap();
    }
}

/// Lets a lease run out now, as a crash or a freeze of 30 s would. Answers whether the row could be had: a frozen
/// holder may sit in a transaction with the mailbox's lock.
pub async fn expire_lease(db: &Db, connector: ConnectorId) -> bool {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let tx = db.system().await.unwrap();
    let row = sql("WITH free AS (SELECT connector_id FROM mailboxes WHERE connector_id = $1 FOR UPDATE SKIP LOCKED), \
         done AS (UPDATE mailboxes m SET lease_until = clock_timestamp() - interval '1 second' FROM free \
           WHERE m.connector_id = free.connector_id AND m.lease_until IS NOT NULL) \
         SELECT count(*) AS rows FROM free")
    .bind_as::<SqlUuid, _>(connector.0)
    .get_result::<Row>(&tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    row.rows > 0
}

/// As above, once the transactions of a dead holder are rolled back.
pub async fn bury_holder(db: &Db, connector: ConnectorId) {
    postrider_testing::eventually("the dead holder's transaction ends", Duration::from_secs(10), || async {
        expire_lease(db, connector).await.then_some(())
    })
    .await;
}

/// Polls a future at most `polls` times; `None` when it did not end by then.
pub async fn within<F: Future>(mut future: Pin<&mut F>, polls: usize) -> Option<F::Output> {
    let mut left = polls;
    std::future::poll_fn(move |cx| {
        if left == 0 {
            return std::task::Poll::Ready(None);
        }
        left -= 1;
        future.as_mut().poll(cx).map(Some)
    })
    .await
}

/// A mail as the mirror has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    pub labels: BTreeSet<String>,
    pub thread_id: String,
    pub label_rows: BTreeSet<String>,
    pub has_source: bool,
}

/// Mails of the mirror that are not deleted, by message id.
pub async fn mirror(db: &Db, tenant: &TenantId, connector: ConnectorId) -> BTreeMap<String, Mirrored> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        message_id: String,
        #[diesel(sql_type = Text)]
        thread_id: String,
        #[diesel(sql_type = Array<Text>)]
        label_ids: Vec<String>,
        #[diesel(sql_type = Array<Text>)]
        label_rows: Vec<String>,
        #[diesel(sql_type = Bool)]
        has_source: bool,
    }
    let tx = db.tenant(tenant).await.unwrap();
    let rows = sql("SELECT message_id, thread_id, label_ids, \
           ARRAY(SELECT label_id FROM email_labels l WHERE l.tenant = e.tenant AND l.email_id = e.email_id) AS label_rows, \
           EXISTS (SELECT 1 FROM email_sources s WHERE s.tenant = e.tenant AND s.email_id = e.email_id) AS has_source \
         FROM emails e WHERE tenant = $1 AND connector_id = $2 AND NOT is_deleted")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<SqlUuid, _>(connector.0)
    .load::<Row>(&tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let one = |row: Row| {
        let mirrored = Mirrored {
            labels: row.label_ids.into_iter().collect(),
            thread_id: row.thread_id,
            label_rows: row.label_rows.into_iter().collect(),
            has_source: row.has_source,
        };
        (row.message_id, mirrored)
    };
    rows.into_iter().map(one).collect()
}

/// (seen, applied, tombstoned, parked, sum of what the parking lot holds).
pub async fn ledger(db: &Db, tenant: &TenantId, connector: ConnectorId) -> [i64; 5] {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        seen: i64,
        #[diesel(sql_type = BigInt)]
        applied: i64,
        #[diesel(sql_type = BigInt)]
        tombstoned: i64,
        #[diesel(sql_type = BigInt)]
        parked: i64,
        #[diesel(sql_type = BigInt)]
        waiting: i64,
    }
    let tx = db.tenant(tenant).await.unwrap();
    let row = sql("SELECT seen, applied, tombstoned, parked, (SELECT coalesce(sum(changes), 0)::bigint \
           FROM parked_changes p WHERE p.tenant = $1 AND p.connector_id = $2) AS waiting \
         FROM ledger WHERE tenant = $1 AND connector_id = $2")
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<SqlUuid, _>(connector.0)
    .optional::<Row>(&tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    row.map_or([0; 5], |row| [row.seen, row.applied, row.tombstoned, row.parked, row.waiting])
}

/// Pushes that came before history showed their id.
pub async fn early_looks(db: &Db, ids: &Ids) -> i64 {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        early: i64,
    }
    let tx = db.tenant(&ids.tenant).await.unwrap();
    let row = sql("SELECT count(*) AS early FROM notification_queue WHERE connector_id = $1 AND looks > 0")
        .bind_as::<SqlUuid, _>(ids.connector.0)
        .get_result::<Row>(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    row.early
}

/// How often each message was announced: (received, sent).
pub async fn announced(db: &Db, connector: ConnectorId) -> BTreeMap<String, (usize, usize)> {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let events = postrider_events::streams::read_events(db, &streams::mailbox(connector), 0, 1_000_000).await.unwrap();
    for (place, event) in events.iter().enumerate() {
        let position = event.position.as_ref().unwrap();
        assert_eq!(position.seq, place as i64 + 1, "the stream is dense");
        if let Some(id) = id_of::<EmailReceived>(event, |event| event.email) {
            counts.entry(id).or_default().0 += 1;
        }
        if let Some(id) = id_of::<EmailSent>(event, |event| event.email) {
            counts.entry(id).or_default().1 += 1;
        }
    }
    counts
}

fn id_of<E: Event>(
    event: &Envelope,
    email: impl Fn(E) -> Option<postrider_contracts::mailbox::EmailSummary>,
) -> Option<String> {
    (event.event_type == E::TYPE).then(|| email(event.decode::<E>().unwrap()).unwrap().message_id)
}

/// (generation of the mailbox, boundary of the run that began it, states of all runs, older generations' too).
pub async fn runs(db: &Db, tenant: &TenantId, connector: ConnectorId) -> (i32, u64, Vec<String>) {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Integer)]
        generation: i32,
        #[diesel(sql_type = Integer)]
        of: i32,
        #[diesel(sql_type = BigInt)]
        boundary: i64,
        #[diesel(sql_type = Text)]
        state: String,
        #[diesel(sql_type = Text)]
        reason: String,
    }
    let tx = db.tenant(tenant).await.unwrap();
    let rows = sql(
        "SELECT m.generation, r.generation AS of, r.boundary, r.state, r.reason FROM mailboxes m JOIN sync_runs r \
           ON r.tenant = m.tenant AND r.connector_id = m.connector_id \
         WHERE m.tenant = $1 AND m.connector_id = $2",
    )
    .bind_as::<Text, _>(tenant.as_str())
    .bind_as::<SqlUuid, _>(connector.0)
    .load::<Row>(&tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let first =
        rows.iter().find(|row| row.of == row.generation && row.reason != "asked").expect("a run began the generation");
    (first.generation, u64::try_from(first.boundary).unwrap(), rows.iter().map(|row| row.state.clone()).collect())
}
