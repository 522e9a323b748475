//! Events applied in one transaction: heads locked, ids claimed, each effect in its tenant's rows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use chrono::TimeDelta;
use postrider_broker::{Delivered, Outcome, PublishError};
use postrider_contracts::Envelope;
use postrider_domain::{EventId, TenantId};
use postrider_runtime::telemetry::span;
use postrider_storage::{Error, SystemTx, TenantTx, Tx};
use tracing::{Instrument as _, Span};

use super::StreamConsumer;
use crate::inbox;
use crate::outbox::HandOver;
use crate::partitions::INBOX_DAYS;
use crate::streams::applier::{Applied, ApplyError};
use crate::streams::heads;
use crate::streams::positions::{Pulled, advance};

/// Reason of a dead letter that was put back after the inbox forgot its day.
const EXPIRED: &str = "expired";
/// When to try again if a dead letter could not be written.
const BURY_AGAIN: Duration = Duration::from_secs(10);

/// What is to be applied together.
#[derive(Clone, Copy)]
pub(super) struct Batch<'a> {
    pub pulled: &'a Pulled,
    pub delivered: &'a [Delivered],
    /// Why its one event is given up: it is passed without being tried.
    pub given_up: Option<&'a str>,
}

impl<'a> Batch<'a> {
    pub fn of(pulled: &'a Pulled, delivered: &'a [Delivered]) -> Self {
        Self { pulled, delivered, given_up: None }
    }
}

impl StreamConsumer {
    /// Applies events in one transaction. Returns what to do with each of the deliveries.
    pub(super) async fn apply_all(&self, batch: Batch<'_>) -> Result<Vec<Outcome>, ApplyError> {
        // Whoever does not mind gaps gets outcomes.
        Ok(self.apply_unless(batch, |_heads, _events| false).await?.unwrap_or_default())
    }

    /// As [`Self::apply_all`], but changes nothing and returns `None` if `refuse` says so of the heads and events.
    pub(super) async fn apply_unless(
        &self,
        batch: Batch<'_>,
        refuse: impl Fn(&HashMap<String, i64>, &[&Envelope]) -> bool + Send,
    ) -> Result<Option<Vec<Outcome>>, ApplyError> {
        let Batch { pulled, delivered, given_up } = batch;
        let consumer = self.applier.consumer();
        let mut events: Vec<&Envelope> = pulled.events.iter().chain(delivered.iter().map(|d| &d.envelope)).collect();
        events.sort_by(|a, b| a.position.cmp(&b.position).then(a.id.cmp(&b.id)));
        let mut streams: Vec<String> =
            events.iter().filter_map(|event| event.position.as_ref()).map(|p| p.stream.clone()).collect();
        streams.dedup();
        let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
        let tx = self.db.system().await?;
        let (mut heads, mut fresh) =
            tokio::try_join!(biased; heads::lock(&tx, consumer, &streams), inbox::claim(&tx, consumer, &ids))?;
        if refuse(&heads, &events) {
            tx.rollback().await?;
            return Ok(None);
        }
        let mut dead: HashMap<EventId, String> = HashMap::new();
        let mut open = self.prepare(Open::System(tx), &events, &fresh).await?;
        for event in &events {
            if !fresh.remove(&event.id) {
                continue;
            }
            let unusable = given_up.or_else(|| self.is_expired(event, &heads).then_some(EXPIRED));
            let tenant = match (unusable, &event.tenant) {
                (None, Some(tenant)) => tenant,
                (unusable, _) => {
                    dead.insert(event.id, self.unusable(event, unusable.unwrap_or("the event names no tenant")));
                    inbox::release(open.tx(), consumer, event.id).await?;
                    continue;
                }
            };
            let mut tx = open.into_tenant(tenant).await?;
            // A batch holds events of many traces: each is applied under its own.
            let span = event.trace.map_or_else(Span::none, |trace| span::consume(self.applier.queue().name, trace));
            if let Applied::DeadLetter(reason) = self.applier.apply(&mut tx, event).instrument(span).await? {
                inbox::release(&tx, consumer, event.id).await?;
                dead.insert(event.id, self.unusable(event, &reason));
            }
            open = Open::Tenant(tx, tenant.clone());
        }
        self.bury(pulled, &dead).await?;
        advance(&mut heads, &events, &pulled.lost_before);
        match open {
            Open::System(tx) => {
                heads::advance(&tx, consumer, &heads).await?;
                tx.commit().await?;
            }
            Open::Tenant(tx, _) => {
                let (tx, ()) = tx.into_system_with(async |tx| heads::advance(tx, consumer, &heads).await).await?;
                tx.commit().await?;
            }
        }
        let answers = delivered.iter().map(|delivered| match dead.remove(&delivered.envelope.id) {
            Some(reason) => Outcome::DeadLetter { reason },
            None => Outcome::Done,
        });
        Ok(Some(answers.collect()))
    }

    /// Lets the applier lock what several events share, tenant by tenant.
    async fn prepare(
        &self,
        mut open: Open,
        events: &[&Envelope],
        fresh: &HashSet<EventId>,
    ) -> Result<Open, ApplyError> {
        let events: Vec<&Envelope> = events.iter().copied().filter(|event| fresh.contains(&event.id)).collect();
        if !self.applier.must_prepare(&events) {
            return Ok(open);
        }
        let mut tenants: BTreeMap<&TenantId, Vec<&Envelope>> = BTreeMap::new();
        for event in events {
            if let Some(tenant) = &event.tenant {
                tenants.entry(tenant).or_default().push(event);
            }
        }
        for (tenant, events) in tenants {
            let mut tx = open.into_tenant(tenant).await?;
            self.applier.prepare(&mut tx, &events).await?;
            open = Open::Tenant(tx, tenant.clone());
        }
        Ok(open)
    }

    /// Pulled events have no delivery to be answered: those that can never be applied are put among the queue's dead
    /// letters before the head passes them. A failed commit may leave such a letter twice, never none.
    async fn bury(&self, pulled: &Pulled, dead: &HashMap<EventId, String>) -> Result<(), ApplyError> {
        for event in &pulled.events {
            let Some(reason) = dead.get(&event.id) else { continue };
            let queue = self.applier.queue();
            let buried = match self.db.attached::<HandOver>() {
                Some(broker) => broker.publisher().dead_letter(queue, event.clone(), reason.clone()).await,
                None => Err(PublishError::Unavailable),
            };
            buried.map_err(|error| ApplyError::Retry {
                after: BURY_AGAIN,
                reason: format!("its dead letter is not in {}: {error}", queue.dead_name()),
            })?;
        }
        Ok(())
    }

    /// Whether nobody can tell any more if the event took effect: its stream's head has passed it, and the inbox has
    /// forgotten its day. Only a dead letter that is put back so late is both.
    fn is_expired(&self, event: &Envelope, heads: &HashMap<String, i64>) -> bool {
        let remembered = (self.clock.now() - TimeDelta::days(i64::from(INBOX_DAYS))).date_naive();
        let passed =
            event.position.as_ref().is_some_and(|at| heads.get(&at.stream).is_some_and(|head| at.seq <= *head));
        passed && inbox::day_of(event.id.0) < remembered
    }

    /// Says so once, where it is decided.
    fn unusable(&self, event: &Envelope, reason: &str) -> String {
        let consumer = self.applier.consumer();
        tracing::error!(event.id = %event.id, event.r#type = %event.event_type, %reason,
            "event {} can never be applied by {consumer}", event.id);
        reason.to_owned()
    }
}

/// The transaction of a batch: its events may belong to several tenants.
enum Open {
    System(SystemTx),
    Tenant(TenantTx, TenantId),
}

impl Open {
    fn tx(&self) -> &Tx {
        match self {
            Self::System(tx) => tx,
            Self::Tenant(tx, _) => tx,
        }
    }

    async fn into_tenant(self, tenant: &TenantId) -> Result<TenantTx, Error> {
        match self {
            Self::System(tx) => tx.into_tenant(tenant).await,
            Self::Tenant(tx, inside) if inside == *tenant => Ok(tx),
            Self::Tenant(tx, _) => tx.into_tenant(tenant).await,
        }
    }
}
