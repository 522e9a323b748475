//! A transaction that has entered a role. There is no other way to reach a connection, so no statement can forget it.

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use domain::TenantId;

use crate::db::Db;
use crate::error::Error;
use crate::outbox::StoredEvent;
use crate::spec::Spec;

/// How long the clean-up of an abandoned transaction may take before its connection is thrown away.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Behind a mutex only so that the transaction may be shared by statements awaited together.
type AfterCommit = Mutex<Vec<Box<dyn FnOnce() + Send>>>;

/// An open transaction. Dropping it rolls back.
pub struct Tx {
    db: Db,
    conn: Option<Object<AsyncPgConnection>>,
    events: Vec<StoredEvent>,
    after_commit: AfterCommit,
}

impl Tx {
    pub(crate) fn new(db: Db, conn: Object<AsyncPgConnection>) -> Self {
        Self { db, conn: Some(conn), events: Vec::new(), after_commit: AfterCommit::default() }
    }

    /// Switches to another tenant's rows inside this transaction.
    pub async fn enter_tenant(&mut self, tenant: &TenantId) -> Result<(), Error> {
        let statement = enter_tenant_sql(self.db.spec(), tenant);
        Ok(self.batch_execute(&statement).await?)
    }

    /// Switches to the control tables inside this transaction.
    pub async fn enter_system(&mut self) -> Result<(), Error> {
        let statement = enter_system_sql(self.db.spec());
        Ok(self.batch_execute(&statement).await?)
    }

    /// As [`Self::enter_system`], and runs a statement there; both share a round trip.
    pub(crate) async fn enter_system_and<T>(
        &mut self,
        statement: impl AsyncFnOnce(&Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let enter = enter_system_sql(self.db.spec());
        let tx = &*self;
        // Biased: the server must hear of the role before it hears of the statement.
        let entered = async { Ok((&mut &**tx).batch_execute(&enter).await?) };
        let ((), done) = tokio::try_join!(biased; entered, statement(tx))?;
        Ok(done)
    }

    /// Runs `action` once the transaction is durable; never if it is not.
    pub fn on_commit(&mut self, action: impl FnOnce() + Send + 'static) {
        self.after_commit.get_mut().unwrap_or_else(PoisonError::into_inner).push(Box::new(action));
    }

    /// Remembers outbox rows for the relay; they are handed over only after the commit.
    pub(crate) fn remember(&mut self, events: impl IntoIterator<Item = StoredEvent>) {
        self.events.extend(events);
    }

    /// Makes it durable. An error means "unknown or not done": whoever retries must be idempotent.
    pub async fn commit(mut self) -> Result<(), Error> {
        if let Some(mut conn) = self.conn.take() {
            // A failed transaction answers COMMIT with a silent rollback; the SELECT in front turns that into an error.
            match conn.batch_execute("SELECT 1; COMMIT").await {
                Ok(()) => drop(conn),
                Err(error) => {
                    clean_up(conn);
                    return Err(error.into());
                }
            }
        }
        if let Some(hand_over) = self.db.hand_over().get() {
            hand_over.offer(std::mem::take(&mut self.events));
        }
        for action in self.after_commit.get_mut().unwrap_or_else(PoisonError::into_inner).drain(..) {
            action();
        }
        Ok(())
    }

    /// Undoes it now, so that the next statement of this task sees the undone state.
    pub async fn rollback(mut self) -> Result<(), Error> {
        if let Some(mut conn) = self.conn.take()
            && let Err(error) = conn.batch_execute("ROLLBACK").await
        {
            drop(Object::take(conn));
            return Err(error.into());
        }
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            clean_up(conn);
        }
    }
}

/// Rolls an abandoned transaction back in the background; a connection that cannot do so is closed.
fn clean_up(mut conn: Object<AsyncPgConnection>) {
    match tokio::runtime::Handle::try_current() {
        Ok(handle) => {
            handle.spawn(async move {
                let rolled_back = tokio::time::timeout(ROLLBACK_TIMEOUT, conn.batch_execute("ROLLBACK")).await;
                if !matches!(rolled_back, Ok(Ok(()))) {
                    drop(Object::take(conn));
                }
            });
        }
        Err(_no_runtime) => drop(Object::take(conn)),
    }
}

impl Deref for Tx {
    type Target = AsyncPgConnection;

    #[expect(clippy::expect_used, reason = "the connection leaves only in commit, rollback and drop, which end the Tx")]
    fn deref(&self) -> &Self::Target {
        self.conn.as_ref().expect("an open transaction has a connection")
    }
}

impl DerefMut for Tx {
    #[expect(clippy::expect_used, reason = "the connection leaves only in commit, rollback and drop, which end the Tx")]
    fn deref_mut(&mut self) -> &mut Self::Target {
        self.conn.as_mut().expect("an open transaction has a connection")
    }
}

/// Tenant ids hold no control characters (they are parsed), quotes are doubled.
pub(crate) fn enter_tenant_sql(spec: &Spec, tenant: &TenantId) -> String {
    let tenant = tenant.as_str().replace('\'', "''");
    // E'' strings are not used: with standard_conforming_strings a backslash is a plain character.
    format!("SET LOCAL ROLE {}; SET LOCAL postrider.tenant = '{tenant}'", spec.tenant_role())
}

fn enter_system_sql(spec: &Spec) -> String {
    format!("SET LOCAL ROLE {}; SET LOCAL postrider.tenant = ''", spec.system_role())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_in_tenant_ids_stay_inside_the_literal() {
        let tenant = TenantId::parse("a'; RESET ROLE; --").unwrap();
        let statement = enter_tenant_sql(&Spec::CONNECTOR, &tenant);
        assert!(statement.ends_with("SET LOCAL postrider.tenant = 'a''; RESET ROLE; --'"));
    }
}
