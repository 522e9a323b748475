//! The queues of the one-process installation: rows in the consuming service's own schema, under its own role.

mod dead;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use postrider_broker::local::{Kept, Settled, Store, StoreError, Taken};
use postrider_contracts::{Envelope, Position, Queue, TraceContext};
use postrider_domain::{ConnectorId, EventId, TenantId, Timestamp, UserId};
use postrider_storage::{Db, Error, SystemTx, sql};

pub use dead::Depth;

/// The queues of one or several services. Clones share the pools.
#[derive(Debug, Clone)]
pub struct Messages {
    services: Vec<Db>,
}

postrider_storage::row! {
    /// A message under way.
    struct MessageRow {
        key: i64,
        attempt: i32,
        deliveries: i32,
        event_id: EventId,
        event_type: String,
        source: String,
        event_time: Timestamp,
        traceparent: Option<String>,
        tenant: Option<String>,
        user_id: Option<String>,
        connector_id: Option<ConnectorId>,
        stream: Option<String>,
        seq: Option<i64>,
        payload: Vec<u8>,
    }
}

postrider_storage::row! {
    /// A queue with nothing due.
    struct IdleRow {
        dead: i64,
        wait_ms: Option<i64>,
    }
}

impl Messages {
    /// Each service's own database; a queue belongs to the service its name begins with.
    pub fn new(services: Vec<Db>) -> Self {
        Self { services }
    }

    fn of(&self, queue: &Queue) -> Result<&Db, Error> {
        let service = queue.name.split('.').next().unwrap_or_default();
        let found = self.services.iter().find(|db| db.spec().service == service);
        found.ok_or_else(|| Error::Other(format!("no service here has the queue {}", queue.name)))
    }

    async fn insert(&self, db: &Db, events: &[(&'static Queue, Envelope)]) -> Result<(), Error> {
        let own = |queue: &Queue| self.of(queue).is_ok_and(|of| of.spec().service == db.spec().service);
        let rows: Vec<_> = events.iter().filter(|(queue, _)| own(queue)).collect();
        if rows.is_empty() {
            return Ok(());
        }
        let tx = db.system().await?;
        write(&tx, &rows.into_iter().map(|(queue, event)| (*queue, event, None)).collect::<Vec<_>>()).await?;
        tx.commit().await
    }

    /// Unflushed: a count of deliveries that is lost is one delivery more before a message is given up. It is lost only
    /// with Postgres itself; nothing that ends this process undoes it.
    async fn due(&self, queue: &Queue, most: usize) -> Result<Taken, Error> {
        let tx = self.of(queue)?.system_unflushed().await?;
        let mut rows: Vec<MessageRow> = sql("UPDATE messages SET deliveries = deliveries + 1 \
             WHERE id = ANY (ARRAY( \
                 SELECT id FROM messages WHERE queue = $1 AND died_at IS NULL AND due_at <= now() ORDER BY id LIMIT $2)) \
             RETURNING id AS key, attempt, deliveries, event_id, event_type, source, event_time, traceparent, tenant, \
                 user_id, connector_id, stream, seq, payload")
        .binds((queue.name, i64::try_from(most).unwrap_or(i64::MAX)))
        .load(&tx)
        .await?;
        rows.sort_unstable_by_key(|row| row.key);
        let (mut next, mut dead) = (None, 0);
        if rows.is_empty() {
            // Two queries in one, so that each has its partial index: dead letters are not read to find what waits.
            let idle: Option<IdleRow> = sql("SELECT \
                 (SELECT count(*) FROM messages WHERE queue = $1 AND died_at IS NOT NULL) AS dead, \
                 (extract(epoch FROM (SELECT min(due_at) FROM messages WHERE queue = $1 AND died_at IS NULL) - now()) \
                     * 1000)::bigint AS wait_ms")
            .bind(queue.name)
            .optional(&tx)
            .await?;
            let wait = idle.as_ref().and_then(|idle| idle.wait_ms);
            // A millisecond more: what is due must be so when it is looked for.
            next = wait.map(|wait| Duration::from_millis(u64::try_from(wait).unwrap_or_default() + 1));
            dead = idle.map_or(0, |idle| u64::try_from(idle.dead).unwrap_or_default());
        }
        tx.commit().await?;
        Ok(Taken { messages: rows.into_iter().map(kept).collect(), next, dead })
    }

    /// Unflushed: this changes nothing but the message's own row, so what is lost leaves it there and it is delivered once
    /// more, with its old attempt. Inboxes bear that, as they bear an acknowledgement that RabbitMQ did not get. It cannot
    /// outlive the effect it speaks of: that was committed before, in the same database, whose log keeps that order.
    async fn note(&self, queue: &Queue, settled: &[(i64, Settled)]) -> Result<(), Error> {
        let tx = self.of(queue)?.system_unflushed().await?;
        let done: Vec<i64> = settled.iter().filter(|(_, what)| *what == Settled::Done).map(|(key, _)| *key).collect();
        if !done.is_empty() {
            sql("DELETE FROM messages WHERE id = ANY ($1)").bind(done).execute(&tx).await?;
        }
        let later = settled.iter().filter_map(|(key, what)| match what {
            Settled::Later { after, attempt } => Some((*key, millis(*after), signed(*attempt))),
            _ => None,
        });
        let later: Vec<_> = later.collect();
        if !later.is_empty() {
            sql("UPDATE messages SET due_at = clock_timestamp() + new.after_ms * interval '1 millisecond', \
                     attempt = new.attempt, deliveries = 0 \
                 FROM {new: id bigint, after_ms bigint, attempt integer} WHERE messages.id = new.id")
            .column("id", later.iter().map(|(key, ..)| *key))
            .column("after_ms", later.iter().map(|(_, after, _)| *after))
            .column("attempt", later.iter().map(|(.., attempt)| *attempt))
            .execute(&tx)
            .await?;
        }
        let dead = settled.iter().filter_map(|(key, what)| match what {
            Settled::Dead { attempt, reason } => Some((*key, signed(*attempt), reason.as_str())),
            _ => None,
        });
        let dead: Vec<_> = dead.collect();
        if !dead.is_empty() {
            sql("UPDATE messages SET died_at = clock_timestamp(), attempt = new.attempt, reason = new.reason \
                 FROM {new: id bigint, attempt integer, reason text} WHERE messages.id = new.id")
            .column("id", dead.iter().map(|(key, ..)| *key))
            .column("attempt", dead.iter().map(|(_, attempt, _)| *attempt))
            .column("reason", dead.iter().map(|(.., reason)| *reason))
            .execute(&tx)
            .await?;
        }
        tx.commit().await
    }
}

/// Rows of messages; those with a reason are dead letters from the start.
async fn write(tx: &SystemTx, rows: &[(&'static Queue, &Envelope, Option<&str>)]) -> Result<(), Error> {
    sql(
        "INSERT INTO messages (queue, died_at, reason, event_id, event_type, source, event_time, traceparent, tenant, \
             user_id, connector_id, stream, seq, payload) \
         SELECT queue, CASE WHEN reason IS NOT NULL THEN clock_timestamp() END, reason, event_id, event_type, source, \
             event_time, traceparent, tenant, user_id, connector_id, stream, seq, payload \
         FROM {new: queue text, reason text, event_id uuid, event_type text, source text, event_time timestamptz, \
             traceparent text, tenant text, user_id text, connector_id uuid, stream text, seq bigint, payload bytea, \
             #place} ORDER BY place",
    )
    .column("queue", rows.iter().map(|(queue, ..)| queue.name))
    .column("reason", rows.iter().map(|(.., reason)| *reason))
    .column("event_id", rows.iter().map(|(_, event, _)| event.id))
    .column("event_type", rows.iter().map(|(_, event, _)| event.event_type.as_str()))
    .column("source", rows.iter().map(|(_, event, _)| event.source.as_str()))
    .column("event_time", rows.iter().map(|(_, event, _)| event.time))
    .column("traceparent", rows.iter().map(|(_, event, _)| event.trace.map(|trace| trace.to_string())))
    .column("tenant", rows.iter().map(|(_, event, _)| event.tenant.as_ref()))
    .column("user_id", rows.iter().map(|(_, event, _)| event.user.as_ref()))
    .column("connector_id", rows.iter().map(|(_, event, _)| event.connector))
    .column("stream", rows.iter().map(|(_, event, _)| event.position.as_ref().map(|at| at.stream.as_str())))
    .column("seq", rows.iter().map(|(_, event, _)| event.position.as_ref().map(|at| at.seq)))
    .column("payload", rows.iter().map(|(_, event, _)| &*event.payload))
    .execute(tx)
    .await?;
    Ok(())
}

fn kept(row: MessageRow) -> Kept {
    let envelope = Envelope {
        id: row.event_id,
        event_type: row.event_type,
        source: row.source,
        time: row.event_time,
        trace: row.traceparent.and_then(|text| text.parse::<TraceContext>().ok()),
        // What was parsed on the way in parses on the way out.
        tenant: row.tenant.and_then(|text| TenantId::parse(text).ok()),
        user: row.user_id.and_then(|text| UserId::parse(text).ok()),
        connector: row.connector_id,
        position: row.stream.zip(row.seq).map(|(stream, seq)| Position { stream, seq }),
        payload: row.payload.into(),
    };
    Kept { key: row.key, envelope, attempt: row.attempt.unsigned_abs(), deliveries: row.deliveries.unsigned_abs() }
}

fn millis(wait: Duration) -> i64 {
    i64::try_from(wait.as_millis()).unwrap_or(i64::MAX)
}

fn signed(attempt: u32) -> i32 {
    i32::try_from(attempt).unwrap_or(i32::MAX)
}

fn failed(error: Error) -> StoreError {
    StoreError(error.to_string())
}

#[async_trait]
impl Store for Messages {
    /// A transaction for each service that wants one of them: where one fails the others may have theirs, and get it
    /// again when the call is repeated.
    async fn append(&self, events: Vec<(&'static Queue, Envelope)>) -> Result<(), StoreError> {
        for (queue, _) in &events {
            self.of(queue).map_err(failed)?;
        }
        try_join_all(self.services.iter().map(|db| self.insert(db, &events))).await.map_err(failed)?;
        Ok(())
    }

    async fn take(&self, queue: &'static Queue, most: usize) -> Result<Taken, StoreError> {
        self.due(queue, most).await.map_err(failed)
    }

    async fn settle(&self, queue: &'static Queue, settled: Vec<(i64, Settled)>) -> Result<(), StoreError> {
        self.note(queue, &settled).await.map_err(failed)
    }

    async fn bury(&self, queue: &'static Queue, event: Envelope, reason: String) -> Result<(), StoreError> {
        let db = self.of(queue).map_err(failed)?;
        let bury = async {
            let tx = db.system().await?;
            write(&tx, &[(queue, &event, Some(&reason))]).await?;
            tx.commit().await
        };
        bury.await.map_err(failed)
    }
}
