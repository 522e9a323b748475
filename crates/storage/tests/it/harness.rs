//! A schema with nothing but the shared tables, events, and a publisher that can be told to fail.

use std::time::Duration;

use postrider_contracts::connector::{ConnectorConnected, ConnectorState};
use postrider_contracts::{Envelope, NewEvent};
use postrider_domain::{Clock, EventId, Seams, SystemClock, TenantId, UserId};
use postrider_storage::{EmbeddedMigrations, Spec, Tx, embed_migrations};
use postrider_testing::db::TestDb;

pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../../migrations/gateway");

pub async fn fresh() -> TestDb {
    TestDb::fresh(Spec::GATEWAY, || MIGRATIONS).await
}

pub fn tenant(name: &str) -> TenantId {
    TenantId::parse(name).unwrap()
}

/// An event of tenant `acme` on the given stream.
pub fn event(stream: &str, version: i64) -> NewEvent {
    event_of("acme", stream, version)
}

pub fn event_of(owner: &str, stream: &str, version: i64) -> NewEvent {
    let message = ConnectorConnected { connector: Some(ConnectorState { version, ..Default::default() }) };
    let id = EventId(Seams::system().ids.uuid());
    Envelope::of(id, SystemClock.now(), &message)
        .owned_by(tenant(owner), UserId::parse("user").unwrap(), None)
        .on_stream(stream)
}

pub fn version_of(event: &Envelope) -> i64 {
    event.decode::<ConnectorConnected>().unwrap().connector.unwrap().version
}

pub async fn append(db: &postrider_storage::Db, events: Vec<NewEvent>) {
    let mut tx = db.tenant(&tenant("acme")).await.unwrap();
    postrider_events::outbox::append(&mut tx, events).await.unwrap();
    tx.commit().await.unwrap();
}

pub async fn count(tx: &mut Tx, text: &'static str) -> i64 {
    postrider_storage::sql(text).get_result::<Count>(tx).await.unwrap().n
}

#[derive(postrider_storage::QueryableByName)]
pub struct Count {
    #[diesel(sql_type = postrider_storage::types::BigInt)]
    pub n: i64,
}

/// Polls a condition; a test never just sleeps.
pub async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut condition: F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !condition().await {
        assert!(tokio::time::Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
