//! Looking for what nobody hinted at: a lost hint costs one round, never an event.
//!
//! One statement reads how far the logs of many users are, spread over the round, instead of each session reading its
//! own; a session that is not as far then reads its rows.

use std::sync::Arc;
use std::time::Duration;

use postrider_domain::{Clock, TenantId, UserId};
use postrider_storage::{Db, Error};

use super::{Hint, Hub};
use crate::store::users;

/// Users looked up in one statement.
const AT_ONCE: usize = 500;

/// Rounds over everybody who has a session here. Cheap to clone.
#[derive(Clone)]
pub struct Looks {
    hub: Hub,
    db: Db,
    clock: Arc<dyn Clock>,
}

impl Looks {
    pub fn new(hub: Hub, db: Db, clock: Arc<dyn Clock>) -> Self {
        Self { hub, db, clock }
    }

    /// One round, which takes about this long.
    ///
    /// # Errors
    /// The database is away.
    pub async fn round(&self, lasting: Duration) -> Result<(), Error> {
        let users = self.hub.users();
        let groups: Vec<_> =
            users.chunk_by(|(one, _), (next, _)| one == next).flat_map(|of| of.chunks(AT_ONCE)).collect();
        let pause = lasting / u32::try_from(groups.len().max(1)).unwrap_or(u32::MAX);
        for group in groups {
            self.look(group).await?;
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    /// Users of one tenant.
    async fn look(&self, users: &[(TenantId, UserId)]) -> Result<(), Error> {
        let Some((tenant, _)) = users.first() else { return Ok(()) };
        let names: Vec<&str> = users.iter().map(|(_, user)| user.as_str()).collect();
        let tx = self.db.tenant(tenant).await?;
        let reached = users::reached(&tx, tenant, &names).await?;
        tx.commit().await?;
        for users::Reached { user_id: user, epoch, nseq } in reached {
            let (tenant, at) = (tenant.clone(), self.clock.now());
            self.hub.deliver(Arc::new(Hint { tenant, user, epoch, nseq, at, entry: None, trace: None, from: None }));
        }
        Ok(())
    }
}
