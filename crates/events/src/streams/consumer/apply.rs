//! Events applied in one transaction: heads locked, ids claimed, each effect in its tenant's rows.

use std::collections::HashMap;

use postrider_broker::{Delivered, Outcome};
use postrider_contracts::Envelope;
use postrider_domain::{EventId, TenantId};
use postrider_runtime::telemetry::span;
use postrider_storage::{Error, SystemTx, TenantTx, Tx};
use tracing::{Instrument as _, Span};

use super::StreamConsumer;
use crate::inbox;
use crate::streams::applier::{Applied, ApplyError};
use crate::streams::heads;
use crate::streams::positions::{Pulled, advance};

impl StreamConsumer {
    /// Applies events in one transaction. Returns what to do with each of `delivered`.
    pub(super) async fn apply_all(&self, pulled: &Pulled, delivered: &[Delivered]) -> Result<Vec<Outcome>, ApplyError> {
        // Whoever does not mind gaps gets outcomes.
        Ok(self.apply_unless(pulled, delivered, |_heads, _events| false).await?.unwrap_or_default())
    }

    /// As [`Self::apply_all`], but changes nothing and returns `None` if `refuse` says so of the heads and events.
    pub(super) async fn apply_unless(
        &self,
        pulled: &Pulled,
        delivered: &[Delivered],
        refuse: impl Fn(&HashMap<String, i64>, &[&Envelope]) -> bool + Send,
    ) -> Result<Option<Vec<Outcome>>, ApplyError> {
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
        let mut open = Open::System(tx);
        for event in &events {
            if !fresh.remove(&event.id) {
                continue;
            }
            let Some(tenant) = &event.tenant else {
                dead.insert(event.id, self.unusable(event, "the event names no tenant"));
                inbox::release(open.tx(), consumer, event.id).await?;
                continue;
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
