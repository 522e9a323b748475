//! Tells users what waited for the end of their quiet hours: each user by one replica, which claims a row.

use postrider_storage::{Db, Error};

use crate::actions::{Actions, Owner};
use crate::store::quiet_ends;

/// Users claimed in one go.
const BATCH: i64 = 100;

/// Works off who is due now. A user who fails is claimed again a minute later and holds nobody up.
pub async fn end_quiet_hours(db: &Db, actions: &Actions) -> Result<(), Error> {
    loop {
        let tx = db.system().await?;
        let due = quiet_ends::claim(&tx, actions.now(), BATCH).await?;
        tx.commit().await?;
        if due.is_empty() {
            return Ok(());
        }
        for end in due {
            let owner = Owner { tenant: &end.tenant, user: &end.user_id, trace: None };
            let ended = async {
                let mut tx = db.tenant(owner.tenant).await?;
                actions.release(&mut tx, owner).await?;
                tx.commit().await
            };
            if let Err(error) = ended.await {
                tracing::warn!(%error, "quiet hours of a user could not be ended");
            }
        }
    }
}
