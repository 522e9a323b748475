//! A database for a whole test, a tenant and a mailbox for each case, and an engine over them.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use postrider_contracts::connector::ConnectorState;
use postrider_contracts::mailbox::{EmailReceived, EmailSent};
use postrider_contracts::{Envelope, Event, streams};
use postrider_domain::{
    AccountStatus, Clock as _, ConnectorId, EmailAddress, HistoryId, MockClock, Seams, TenantId, Timestamp, UserId,
};
use postrider_gmail::Memory;
use postrider_storage::{Db, Spec, Value, row, sql};
use postrider_sync_worker::engine::{Engine, GmailAccess, Parts, Settings};
use postrider_sync_worker::metrics::Metrics;
use postrider_sync_worker::rules::words::RunReason;
use postrider_sync_worker::store::mailboxes::news::{self, AccountNews};
use postrider_sync_worker::store::queue::{self, Push};
use postrider_testing::db::TestDb;
use tokio_util::sync::CancellationToken;

/// A fresh database of sync-worker.
pub async fn database() -> TestDb {
    TestDb::fresh(Spec::SYNC_WORKER, postrider_sync_worker::store::migrations).await
}

/// An engine over the given access, with everything that waits made short.
pub fn engine(db: &Db, access: impl GmailAccess, seams: Seams, owner: &str) -> Engine {
    engine_with(db, access, seams, owner, quick())
}

/// Everything that waits made short.
pub fn quick() -> Settings {
    Settings {
        live_tick: Duration::from_millis(2),
        backfill_slice: Duration::from_millis(400),
        backfill_turn: Duration::from_millis(400),
        fetch_retries: 1,
        fetch_pause: Duration::ZERO,
        scan_every: Duration::from_millis(20),
        // A few small mails: steps are cut in the middle.
        max_ahead_bytes: 4 << 10,
        // Tests move a clock of their own.
        clock_tolerance: None,
        ..Settings::default()
    }
}

pub fn engine_with(db: &Db, access: impl GmailAccess, seams: Seams, owner: &str, settings: Settings) -> Engine {
    engine_in(db, access, seams, owner, settings, Memory::default())
}

pub fn engine_in(
    db: &Db,
    access: impl GmailAccess,
    seams: Seams,
    owner: &str,
    settings: Settings,
    memory: Memory,
) -> Engine {
    Engine::new(Parts {
        db: db.clone(),
        access: Arc::new(access),
        seams,
        settings,
        metrics: Metrics::new(&prometheus::Registry::new()),
        memory,
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

    /// connector says that the account is there and works.
    pub fn active(&self, version: i64, sub: &str) -> AccountNews {
        let state = ConnectorState {
            version,
            google_sub: sub.to_owned(),
            email_address: self.address.clone(),
            ..ConnectorState::default()
        };
        let (tenant, owner) = (self.tenant.clone(), UserId::parse("owner").unwrap());
        AccountNews { tenant, connector: self.connector, owner, status: AccountStatus::Active, state }
    }

    /// connector said that the account was connected.
    pub async fn connect(&self, db: &Db, sub: &str) {
        let mut tx = db.tenant(&self.tenant).await.unwrap();
        assert!(news::apply_account(&mut tx, &self.active(1, sub), self.clock.now()).await.unwrap());
        tx.commit().await.unwrap();
    }

    /// A push that says where the mailbox's head is.
    pub fn push(&self, history_id: u64) -> Push {
        Push {
            seed: self.seams.ids.uuid(),
            address_key: EmailAddress::parse(&self.address).unwrap().lookup_key(),
            history_id: HistoryId(history_id),
            source_message_id: self.seams.ids.uuid().to_string(),
            source: "pubsub".to_owned(),
            published_at: None,
            trace: None,
        }
    }
}

/// Pushes that the intake handed on.
pub async fn enqueue(db: &Db, pushes: &[Push], now: Timestamp) {
    let tx = db.system().await.unwrap();
    queue::enqueue(&tx, pushes, now).await.unwrap();
    tx.commit().await.unwrap();
}

/// Lets a lease run out now, as a crash or a freeze of 30 s would. Returns whether the row could be had: a frozen
/// holder may sit in a transaction with the mailbox's lock.
pub async fn expire_lease(db: &Db, connector: ConnectorId) -> bool {
    let tx = db.system().await.unwrap();
    let rows =
        sql("WITH free AS (SELECT connector_id FROM mailboxes WHERE connector_id = $1 FOR UPDATE SKIP LOCKED), \
         done AS (UPDATE mailboxes m SET lease_until = clock_timestamp() - interval '1 second' FROM free \
           WHERE m.connector_id = free.connector_id AND m.lease_until IS NOT NULL) \
         SELECT count(*) AS value FROM free")
        .bind(connector)
        .get_result::<Value<i64>>(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    rows.0 > 0
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
    row! {
        struct Row {
            message_id: String,
            thread_id: String,
            label_ids: Vec<String>,
            label_rows: Vec<String>,
            has_source: bool,
        }
    }
    let tx = db.tenant(tenant).await.unwrap();
    let rows = sql("SELECT message_id, thread_id, label_ids, \
           ARRAY(SELECT label_id FROM email_labels l WHERE l.tenant = e.tenant AND l.email_id = e.email_id) AS label_rows, \
           EXISTS (SELECT 1 FROM email_sources s WHERE s.tenant = e.tenant AND s.email_id = e.email_id) AS has_source \
         FROM emails e WHERE tenant = $1 AND connector_id = $2 AND NOT is_deleted")
    .binds((tenant, connector))
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
    row! {
        struct Row {
            seen: i64,
            applied: i64,
            tombstoned: i64,
            parked: i64,
            waiting: i64,
        }
    }
    let tx = db.tenant(tenant).await.unwrap();
    let row = sql("SELECT seen, applied, tombstoned, parked, (SELECT coalesce(sum(changes), 0)::bigint \
           FROM parked_changes p WHERE p.tenant = $1 AND p.connector_id = $2) AS waiting \
         FROM ledger WHERE tenant = $1 AND connector_id = $2")
    .binds((tenant, connector))
    .optional::<Row>(&tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    row.map_or([0; 5], |row| [row.seen, row.applied, row.tombstoned, row.parked, row.waiting])
}

/// Pushes that ended later than in the look they caused.
pub async fn early_looks(db: &Db, ids: &Ids) -> i64 {
    let tx = db.tenant(&ids.tenant).await.unwrap();
    let row =
        sql("SELECT count(*) AS value FROM notification_queue WHERE connector_id = $1 AND processed_at > created_at")
            .bind(ids.connector)
            .get_result::<Value<i64>>(&tx)
            .await
            .unwrap();
    tx.commit().await.unwrap();
    row.0
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
    row! {
        struct Row {
            generation: i32,
            of: i32,
            boundary: HistoryId,
            state: String,
            reason: RunReason,
        }
    }
    let tx = db.tenant(tenant).await.unwrap();
    let rows = sql(
        "SELECT m.generation, r.generation AS of, r.boundary, r.state, r.reason FROM mailboxes m JOIN sync_runs r \
           ON r.tenant = m.tenant AND r.connector_id = m.connector_id \
         WHERE m.tenant = $1 AND m.connector_id = $2",
    )
    .binds((tenant, connector))
    .load::<Row>(&tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    let first = rows
        .iter()
        .find(|row| row.of == row.generation && row.reason != RunReason::Asked)
        .expect("a run began the generation");
    (first.generation, first.boundary.0, rows.iter().map(|row| row.state.clone()).collect())
}

/// What the labels of a mailbox are called.
pub async fn label_names(db: &Db, ids: &Ids) -> BTreeMap<String, String> {
    let tx = db.tenant(&ids.tenant).await.unwrap();
    let labels = postrider_sync_worker::store::labels::list(&tx, &[ids.connector]).await.unwrap();
    tx.commit().await.unwrap();
    labels.into_iter().map(|label| (label.label_id.into_string(), label.name)).collect()
}

/// A number of a mailbox's row (`SELECT … AS value`, `$1` is the connector).
pub async fn mailbox_number(db: &Db, connector: ConnectorId, text: &'static str) -> i64 {
    let tx = db.system().await.unwrap();
    let number = sql(text).bind(connector).get_result::<Value<i64>>(&tx).await.unwrap();
    tx.commit().await.unwrap();
    number.0
}

/// All that the database says of a message and its mailbox, for a failure to be read.
pub async fn story(db: &Db, ids: &Ids, message: &str) -> String {
    let tx = db.tenant(&ids.tenant).await.unwrap();
    let lines = sql(
        "SELECT concat_ws(' ', 'mailbox', m.generation, m.settled, m.cursor, m.seen_head, m.seen_head_at, m.back_at, \
           m.renumbered_at, m.look_back_at) AS value FROM mailboxes m WHERE connector_id = $1 \
         UNION ALL SELECT concat_ws(' ', 'run', generation, kind, reason, state, boundary, started_at) FROM sync_runs \
         WHERE connector_id = $1 \
         UNION ALL SELECT concat_ws(' ', 'email', generation, history_id, fetched_id, stub, is_deleted, updated_at) \
         FROM emails WHERE connector_id = $1 AND message_id = $2 \
         UNION ALL SELECT concat_ws(' ', 'change', generation, history_id, kind, label_ids, created_at) FROM changes \
         WHERE connector_id = $1 AND message_id = $2 \
         UNION ALL SELECT concat_ws(' ', 'parked', history_id, reason, attempts, next_attempt_at, last_error) \
         FROM parked_changes WHERE connector_id = $1 AND message_id = $2",
    )
    .binds((ids.connector, message))
    .load::<Value<String>>(&tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    lines.into_iter().map(|line| line.0).collect::<Vec<_>>().join("\n")
}
