//! A transaction that has entered a role. There is no other way to reach a connection, so no statement can forget it.
//!
//! The role is the type: [`TenantTx`] sees the rows of one tenant, [`SystemTx`] the control tables across tenants. A
//! store function takes the one it needs; switching consumes one and gives the other, so a function that runs in the
//! wrong role does not compile. What works in both (outbox, inbox) takes the [`Tx`] inside.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use parking_lot::Mutex;
use postrider_domain::TenantId;

use crate::db::{Db, Place};
use crate::error::Error;
use crate::spec::Spec;

/// How long the clean-up of an abandoned transaction may take before its connection is thrown away.
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// Behind a mutex only so that the transaction may be shared by statements awaited together.
type AfterCommit = Mutex<Vec<Box<dyn FnOnce() + Send>>>;

/// An open transaction in whichever role. Dropping it rolls back.
pub struct Tx {
    db: Db,
    conn: Option<Object<AsyncPgConnection>>,
    /// Where the database handle is a lane. Behind the connection: fields drop in order.
    place: Place,
    after_commit: AfterCommit,
}

/// A transaction that sees the rows of one tenant.
pub struct TenantTx(Tx);

/// A transaction that sees the control tables across tenants, and no tenant's mail.
pub struct SystemTx(Tx);

impl Tx {
    pub(crate) fn new(db: Db, conn: Object<AsyncPgConnection>, place: Place) -> Self {
        Self { db, conn: Some(conn), place, after_commit: AfterCommit::default() }
    }

    /// The database it is open on.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Runs `action` once the transaction is durable; never if it is not.
    pub fn on_commit(&self, action: impl FnOnce() + Send + 'static) {
        self.after_commit.lock().push(Box::new(action));
    }

    async fn enter_tenant(&mut self, tenant: &TenantId) -> Result<(), Error> {
        let statement = enter_tenant_sql(self.db.spec(), tenant);
        Ok(self.batch_execute(&statement).await?)
    }

    async fn enter_system(&mut self) -> Result<(), Error> {
        let statement = enter_system_sql(self.db.spec());
        Ok(self.batch_execute(&statement).await?)
    }

    async fn commit(mut self) -> Result<(), Error> {
        if let Some(mut conn) = self.conn.take() {
            // A failed transaction answers COMMIT with a silent rollback; the SELECT in front turns that into an error.
            match conn.batch_execute("SELECT 1; COMMIT").await {
                Ok(()) => drop(conn),
                Err(error) => {
                    clean_up(conn, self.place.take());
                    return Err(error.into());
                }
            }
        }
        for action in self.after_commit.get_mut().drain(..) {
            action();
        }
        Ok(())
    }

    async fn rollback(mut self) -> Result<(), Error> {
        if let Some(mut conn) = self.conn.take()
            && let Err(error) = conn.batch_execute("ROLLBACK").await
        {
            drop(Object::take(conn));
            return Err(error.into());
        }
        Ok(())
    }
}

impl TenantTx {
    pub(crate) fn new(tx: Tx) -> Self {
        Self(tx)
    }

    /// Goes on in another tenant's rows. On an error the transaction is rolled back.
    pub async fn into_tenant(mut self, tenant: &TenantId) -> Result<Self, Error> {
        self.0.enter_tenant(tenant).await?;
        Ok(self)
    }

    /// Goes on in the control tables. On an error the transaction is rolled back.
    pub async fn into_system(mut self) -> Result<SystemTx, Error> {
        self.0.enter_system().await?;
        Ok(SystemTx(self.0))
    }

    /// As [`Self::into_system`], and runs a statement there; both share a round trip.
    pub async fn into_system_with<T>(
        self,
        statement: impl AsyncFnOnce(&SystemTx) -> Result<T, Error>,
    ) -> Result<(SystemTx, T), Error> {
        let enter = enter_system_sql(self.0.db.spec());
        let tx = SystemTx(self.0);
        // Biased: the server must hear of the role before it hears of the statement.
        let entered = async { Ok((&mut &**tx).batch_execute(&enter).await?) };
        let ((), done) = tokio::try_join!(biased; entered, statement(&tx))?;
        Ok((tx, done))
    }

    /// Makes it durable. An error means "unknown or not done": whoever retries must be idempotent.
    pub async fn commit(self) -> Result<(), Error> {
        self.0.commit().await
    }

    /// Undoes it now, so that the next statement of this task sees the undone state.
    pub async fn rollback(self) -> Result<(), Error> {
        self.0.rollback().await
    }
}

impl SystemTx {
    pub(crate) fn new(tx: Tx) -> Self {
        Self(tx)
    }

    /// Goes on in a tenant's rows. On an error the transaction is rolled back.
    pub async fn into_tenant(mut self, tenant: &TenantId) -> Result<TenantTx, Error> {
        self.0.enter_tenant(tenant).await?;
        Ok(TenantTx(self.0))
    }

    /// Makes it durable. An error means "unknown or not done": whoever retries must be idempotent.
    pub async fn commit(self) -> Result<(), Error> {
        self.0.commit().await
    }

    /// Undoes it now, so that the next statement of this task sees the undone state.
    pub async fn rollback(self) -> Result<(), Error> {
        self.0.rollback().await
    }
}

impl Deref for TenantTx {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.0
    }
}

impl DerefMut for TenantTx {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.0
    }
}

impl Deref for SystemTx {
    type Target = Tx;

    fn deref(&self) -> &Tx {
        &self.0
    }
}

impl DerefMut for SystemTx {
    fn deref_mut(&mut self) -> &mut Tx {
        &mut self.0
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if let Some(conn) = self.conn.take() {
            clean_up(conn, self.place.take());
        }
    }
}

/// Rolls an abandoned transaction back in the background; a connection that cannot do so is closed.
fn clean_up(mut conn: Object<AsyncPgConnection>, place: Place) {
    match tokio::runtime::Handle::try_current() {
        Ok(handle) => {
            handle.spawn(async move {
                let rolled_back = tokio::time::timeout(ROLLBACK_TIMEOUT, conn.batch_execute("ROLLBACK")).await;
                // The connection goes back before the place does: who gets the place shall find it.
                match rolled_back {
                    Ok(Ok(())) => drop(conn),
                    _failed_or_late => drop(Object::take(conn)),
                }
                drop(place);
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
