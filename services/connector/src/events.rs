//! The facts this service publishes, built from rows and put on the connector's stream. Each is appended in the
//! transaction of the change it reports; the relay sends it.

use postrider_contracts::connector as proto;
use postrider_contracts::{Envelope, Event, TraceContext, streams};
use postrider_domain::{EventId, Seams};
use postrider_events::outbox;
use postrider_storage::{Error, TenantTx};

use crate::store::connectors::Connector;
use crate::store::watches::Watch;

/// What happened to a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    Connected,
    Updated,
    ReauthRequired,
    Disconnected,
}

/// What happened to a watch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchChange {
    Started,
    Renewed,
    Lapsed,
    Stopped,
}

/// Publishes a connector's new state. Its version must have been moved before.
pub async fn connector(
    tx: &mut TenantTx,
    seams: &Seams,
    row: &Connector,
    change: Change,
    trace: Option<TraceContext>,
) -> Result<EventId, Error> {
    let connector = Some(state(row));
    match change {
        Change::Connected => send(tx, seams, row, trace, &proto::ConnectorConnected { connector }).await,
        Change::Updated => send(tx, seams, row, trace, &proto::ConnectorUpdated { connector }).await,
        Change::ReauthRequired => send(tx, seams, row, trace, &proto::ConnectorReauthRequired { connector }).await,
        Change::Disconnected => send(tx, seams, row, trace, &proto::ConnectorDisconnected { connector }).await,
    }
}

/// Publishes a watch's new state. Its version must have been moved before.
pub async fn watch(
    tx: &mut TenantTx,
    seams: &Seams,
    row: &Connector,
    watch: &Watch,
    change: WatchChange,
    trace: Option<TraceContext>,
) -> Result<EventId, Error> {
    let watch = Some(watch_state(row, watch));
    match change {
        WatchChange::Started => send(tx, seams, row, trace, &proto::WatchStarted { watch }).await,
        WatchChange::Renewed => send(tx, seams, row, trace, &proto::WatchRenewed { watch }).await,
        WatchChange::Lapsed => send(tx, seams, row, trace, &proto::WatchLapsed { watch }).await,
        WatchChange::Stopped => send(tx, seams, row, trace, &proto::WatchStopped { watch }).await,
    }
}

async fn send<E: Event>(
    tx: &mut TenantTx,
    seams: &Seams,
    row: &Connector,
    trace: Option<TraceContext>,
    message: &E,
) -> Result<EventId, Error> {
    let id = EventId(seams.ids.uuid());
    let event = Envelope::of(id, seams.clock.now(), message)
        .owned_by(row.tenant.clone(), row.owner.clone(), Some(row.id))
        .traced(trace)
        .on_stream(streams::connector(row.id));
    outbox::append(tx, vec![event]).await?;
    Ok(id)
}

fn state(row: &Connector) -> proto::ConnectorState {
    proto::ConnectorState {
        version: row.version,
        connector_id: row.id.to_string(),
        owner: row.owner.to_string(),
        google_sub: if row.erase_run_id.is_some() { String::new() } else { row.google_sub.to_string() },
        email_address: row.email_address.clone(),
        status: row.status.to_string(),
        settings: Some(row.settings.to_proto()),
        erase: row.erase_run_id.is_some(),
        display_name: row.display_name.clone(),
        reason: row.status_reason.clone(),
        erase_run_id: row.erase_run_id.map(|run| run.to_string()).unwrap_or_default(),
    }
}

fn watch_state(row: &Connector, watch: &Watch) -> proto::WatchState {
    proto::WatchState {
        connector_id: row.id.to_string(),
        watch_id: watch.id.to_string(),
        watch_type: watch.watch_type.to_string(),
        history_id: watch.history_id.0,
        expires_at_ms: watch.expires_at.map_or(0, |at| at.timestamp_millis()),
        version: watch.version,
        silent: watch.silent,
    }
}
