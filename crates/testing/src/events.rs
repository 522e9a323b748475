//! Events in a schema with nothing but the tables all services have.

use postrider_contracts::connector::{ConnectorConnected, ConnectorState};
use postrider_contracts::{Envelope, NewEvent};
use postrider_domain::{Clock, EventId, Seams, SystemClock, TenantId, UserId};
use postrider_storage::{Db, Spec, migrate};

use crate::db::TestDb;

/// A database with the base migration only, in the gateway's name.
pub async fn base_schema() -> TestDb {
    TestDb::fresh(Spec::GATEWAY, || migrate::NONE).await
}

/// A tenant by its name.
///
/// # Panics
/// When the name is none.
pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// An event of tenant `acme` on the given stream.
pub fn event(stream: &str, version: i64) -> NewEvent {
    event_of("acme", stream, version)
}

/// The same of another tenant; its version is [`version_of`] it.
///
/// # Panics
/// When the name is no tenant's.
pub fn event_of(owner: &str, stream: &str, version: i64) -> NewEvent {
    let message = ConnectorConnected { connector: Some(ConnectorState { version, ..Default::default() }) };
    let id = EventId(Seams::system().ids.uuid());
    let user = UserId::parse("user").unwrap_or_else(|error| panic!("user: {error}"));
    Envelope::of(id, SystemClock.now(), &message).owned_by(tenant(owner), user, None).on_stream(stream)
}

/// The number an event was made with.
///
/// # Panics
/// When it is none of [`event`]'s.
pub fn version_of(event: &Envelope) -> i64 {
    let connected = event.decode::<ConnectorConnected>().unwrap_or_else(|error| panic!("{error}"));
    connected.connector.map_or(0, |connector| connector.version)
}

/// Appends events of tenant `acme` in a transaction of their own.
///
/// # Panics
/// When the database refuses.
pub async fn append(db: &Db, events: Vec<NewEvent>) {
    let appended = async {
        let mut tx = db.tenant(&tenant("acme")).await?;
        postrider_events::outbox::append(&mut tx, events).await?;
        tx.commit().await
    };
    appended.await.unwrap_or_else(|error| panic!("cannot append: {error}"));
}
