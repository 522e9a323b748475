//! Notifications whose time is over: archived when they expire, deleted when they were archived as long ago as they are
//! kept. Everything goes through the user's lock in slices, so that replicas, requests and mails share the work.

use postrider_domain::{TenantId, UserId};
use postrider_storage::{Db, Error};

use crate::actions::{Actions, Owner};
use crate::rules::Mark;
use crate::store::{accounts, feed, log, notifications, suppressions, users};

/// Tenants, and users of one, listed in one go.
const PAGE: i64 = 500;
/// Notifications changed in one transaction.
const SLICE: i64 = 500;

/// What was done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CleanedUp {
    pub archived: usize,
    pub deleted: usize,
}

impl CleanedUp {
    fn and(self, more: Self) -> Self {
        Self { archived: self.archived + more.archived, deleted: self.deleted + more.deleted }
    }
}

/// Cleans up after everybody.
pub async fn clean_up(db: &Db, actions: &Actions) -> Result<CleanedUp, Error> {
    let (mut after, mut done) = (String::new(), CleanedUp::default());
    loop {
        let tx = db.system().await?;
        let tenants = users::tenants_after(&tx, &after, PAGE).await?;
        tx.commit().await?;
        let Some(last) = tenants.last() else { return Ok(done) };
        last.as_str().clone_into(&mut after);
        for tenant in &tenants {
            done = done.and(of_tenant(db, actions, tenant).await?);
        }
    }
}

async fn of_tenant(db: &Db, actions: &Actions, tenant: &TenantId) -> Result<CleanedUp, Error> {
    let mut done = CleanedUp::default();
    erase(db, actions, tenant).await?;
    loop {
        let (now, kept) = (actions.now(), actions.kept_since());
        let tx = db.tenant(tenant).await?;
        let due: Vec<UserId> = notifications::users_to_clean_up(&tx, tenant, now, kept, PAGE).await?;
        tx.commit().await?;
        if due.is_empty() {
            return Ok(done);
        }
        for user in &due {
            done = done.and(clean_up_user(db, actions, Owner { tenant, user, trace: None }).await?);
        }
    }
}

/// Cleans up after one user.
pub async fn clean_up_user(db: &Db, actions: &Actions, owner: Owner<'_>) -> Result<CleanedUp, Error> {
    let Owner { tenant, user, .. } = owner;
    let (now, kept) = (actions.now(), actions.kept_since());
    let mut done = CleanedUp::default();
    loop {
        let mut tx = db.tenant(tenant).await?;
        users::lock_known(&tx, tenant, user).await?;
        // Deleted first: what is archived now is kept once more as long.
        let deleted = notifications::delete_archived(&tx, tenant, user, kept, SLICE).await?;
        let expired = notifications::expired(&tx, tenant, user, now, SLICE).await?;
        let archived = actions.mark(&mut tx, owner, &expired, Mark::Archived).await?.len();
        tx.commit().await?;
        done = done.and(CleanedUp { archived, deleted });
        if i64::try_from(deleted.max(archived)).unwrap_or(i64::MAX) < SLICE {
            return Ok(done);
        }
    }
}

/// Takes away what was told about accounts whose owners asked for their erasure. Numbers stay where they are: an entry of
/// the log keeps its place without its content.
async fn erase(db: &Db, actions: &Actions, tenant: &TenantId) -> Result<(), Error> {
    let tx = db.tenant(tenant).await?;
    let erased = accounts::erased(&tx, tenant).await?;
    tx.commit().await?;
    for account in erased {
        let owner = Owner { tenant, user: &account.owner, trace: None };
        loop {
            let mut tx = db.tenant(tenant).await?;
            users::lock_known(&tx, tenant, owner.user).await?;
            let ids = notifications::of_account(&tx, tenant, owner.user, account.id, SLICE).await?;
            // Archived first, so that counts and sockets follow.
            actions.mark(&mut tx, owner, &ids, Mark::Archived).await?;
            notifications::delete(&tx, tenant, &ids).await?;
            let blanked = log::blank(&tx, tenant, owner.user, account.id, SLICE).await?;
            let fed = feed::erase(&tx, tenant, account.id, SLICE).await?;
            let forgotten = suppressions::forget_account(&tx, tenant, owner.user, account.id, SLICE).await?;
            tx.commit().await?;
            let most = ids.len().max(blanked).max(forgotten).max(fed);
            if i64::try_from(most).unwrap_or(i64::MAX) < SLICE {
                break;
            }
        }
    }
    Ok(())
}
