//! What the routes may reach. The only way to data is [`Api::open`], which asks for a scope: a handler cannot forget it.

use std::sync::Arc;
use std::time::Duration;

use postrider_blobs::Objects;
use postrider_broker::Publisher;
use postrider_contracts::{Envelope, Event, NewEvent, streams};
use postrider_domain::{Clock, ConnectorId, EventId, IdGen, TenantId, Timestamp, UserId};
use postrider_gmail::GmailMetrics;
use postrider_gmail::quota::QuotaSetting;
use postrider_runtime::Tasks;
use postrider_storage::{Db, Error, TenantTx};
use postrider_web::{Caller, Problem, Scope};

use super::accounts::Accounts;
use super::sources::Sources;
use crate::engine::Engine;
use crate::kept::Vault;
use crate::state::State;
use crate::store::mailboxes::accounts;

/// Shared by the handlers under `http/{mail,sync_runs,gmail}`.
#[derive(Clone)]
pub struct Api {
    db: Db,
    engine: Engine,
    clock: Arc<dyn Clock>,
    pub ids: Arc<dyn IdGen>,
    /// Looked at for health only; nothing publishes from a handler.
    pub broker: Arc<dyn Publisher>,
    /// When Gmail last answered this replica, for health: it makes no calls of its own.
    pub gmail: GmailMetrics,
    /// What calls cost and how much a user may spend, for forecasts.
    pub quota: QuotaSetting,
    pub sources: Sources,
    /// What goes on after an answer.
    pub tasks: Tasks,
}

impl Api {
    pub fn new(
        state: &State,
        broker: Arc<dyn Publisher>,
        gmail: GmailMetrics,
        quota: QuotaSetting,
        tasks: Tasks,
        objects: Option<Objects>,
    ) -> Self {
        let (clock, ids) = (state.seams.clock.clone(), state.seams.ids.clone());
        let (db, engine) = (state.db.clone(), state.engine.clone());
        let sources = Sources::new(Vault::new(db.clone(), objects));
        Self { db, engine, clock, ids, broker, gmail, quota, sources, tasks }
    }

    /// For questions to Gmail.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// For what is done after an answer, outside its transaction.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// An event on the stream of an account.
    pub fn event<E: Event>(&self, tenant: &TenantId, owner: &UserId, connector: ConnectorId, message: &E) -> NewEvent {
        Envelope::of(EventId(self.ids.uuid()), self.now(), message)
            .owned_by(tenant.clone(), owner.clone(), Some(connector))
            .on_stream(streams::mailbox(connector))
    }

    /// Opens a transaction of the caller's tenant and lists the caller's accounts.
    ///
    /// # Errors
    /// 403 unless the caller's token has the scope.
    pub async fn open(&self, caller: &Caller, scope: Scope) -> Result<(TenantTx, Accounts), Problem> {
        caller.require(scope)?;
        with_accounts(self.db.tenant(&caller.tenant).await, caller).await
    }

    /// The same to read what belongs together: all of it is of one moment.
    pub async fn open_snapshot(&self, caller: &Caller, scope: Scope) -> Result<(TenantTx, Accounts), Problem> {
        caller.require(scope)?;
        with_accounts(self.db.tenant_snapshot(&caller.tenant).await, caller).await
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// For health: whether the database answers.
    pub async fn database_answers(&self) -> bool {
        self.db.ping().await.is_ok()
    }

    /// The mailbox is looked at as soon as the transaction is durable, not only at the next scan.
    pub fn wake_after(&self, tx: &mut TenantTx, mailbox: ConnectorId) {
        let engine = self.engine.clone();
        tx.on_commit(move || engine.wakes().marked(&[mailbox]));
    }
}

async fn with_accounts(tx: Result<TenantTx, Error>, caller: &Caller) -> Result<(TenantTx, Accounts), Problem> {
    let tx = tx.map_err(problem)?;
    let all = accounts::list(&tx, &caller.user).await.map_err(problem)?;
    Ok((tx, Accounts(all)))
}

/// A database error as a client sees it.
pub fn problem(error: Error) -> Problem {
    match error {
        Error::NotFound => Problem::not_found(),
        Error::Transient(cause) => {
            tracing::warn!(%cause, "a request found the database away");
            Problem::unavailable("database_unavailable", Duration::from_secs(2), "The database cannot answer now.")
        }
        other => Problem::unexpected(other),
    }
}

/// 422 for a parameter.
pub fn invalid(field: &'static str, why: &str) -> Problem {
    Problem::unprocessable(postrider_web::codes::INVALID_REQUEST, "A parameter is out of range.").field(field, why)
}
