//! One replica at a time: the turn at a job, a lease on the database's clock.

use std::time::Duration;

use postrider_storage::{Error, lease};

use crate::state::State;

/// The turn at a job.
pub struct Turn {
    /// The job's name.
    pub name: &'static str,
    /// Who dies is followed after this.
    pub lease: Duration,
}

impl Turn {
    /// Takes it, or takes it again. `false`: another replica has it.
    pub async fn take(&self, state: &State) -> Result<bool, Error> {
        let tx = state.db.system().await?;
        let held = lease::try_acquire(&tx, self.name, &state.replica, self.lease).await?;
        tx.commit().await?;
        Ok(held.is_some())
    }

    /// Gives it up.
    pub async fn end(&self, state: &State) -> Result<(), Error> {
        let tx = state.db.system().await?;
        lease::release(&tx, self.name, &state.replica).await?;
        tx.commit().await
    }
}
