//! What sockets certainly received, written for many users at once.
//!
//! Ten thousand sockets confirm a few hundred times a second. Each confirmation may wait a moment, because without it the
//! same events are only sent again; so they are gathered here and written tenant by tenant.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use postrider_domain::{TenantId, UserId};
use postrider_storage::{Db, Error};

use crate::rules::Places;
use crate::store::users;

/// Users written in one statement.
const AT_ONCE: usize = 500;

/// Confirmations that wait to be written.
#[derive(Debug, Default)]
pub struct Confirmed(Mutex<BTreeMap<(TenantId, UserId), Places>>);

impl Confirmed {
    /// Adds what one socket of the user received.
    pub fn note(&self, tenant: &TenantId, user: &UserId, places: Places) {
        let mut waiting = self.0.lock();
        let known = waiting.entry((tenant.clone(), user.clone())).or_default();
        *known = known.further(places);
    }

    /// Writes everything that waits. What cannot be written waits for the next turn.
    ///
    /// # Errors
    /// The database is away.
    pub async fn write(&self, db: &Db) -> Result<(), Error> {
        let mut waiting: Vec<_> = std::mem::take(&mut *self.0.lock()).into_iter().collect();
        while let Some(((tenant, _), _)) = waiting.first() {
            let of_tenant = waiting.iter().take(AT_ONCE).take_while(|((other, _), _)| other == tenant).count();
            let (now, later) = waiting.split_at(of_tenant);
            if let Err(error) = write(db, tenant, now).await {
                for ((tenant, user), places) in &waiting {
                    self.note(tenant, user, *places);
                }
                return Err(error);
            }
            waiting = later.to_vec();
        }
        Ok(())
    }
}

async fn write(db: &Db, tenant: &TenantId, places: &[((TenantId, UserId), Places)]) -> Result<(), Error> {
    let tx = db.tenant(tenant).await?;
    users::confirm(&tx, tenant, places.iter().map(|((_, user), places)| (user, *places))).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sockets_of_one_user_confirm_together() {
        let confirmed = Confirmed::default();
        let (tenant, user) = (TenantId::parse("t").unwrap(), UserId::parse("u").unwrap());
        for (notifications, sync) in [(4, 0), (2, 3), (0, 1)] {
            confirmed.note(&tenant, &user, Places { notifications, sync });
        }
        let waiting = confirmed.0.lock().clone().into_values().collect::<Vec<_>>();
        assert_eq!(waiting, [Places { notifications: 4, sync: 3 }]);
    }
}
