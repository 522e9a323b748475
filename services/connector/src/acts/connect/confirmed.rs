//! The confirm page's token, used up in the transaction of the connect: a connect that fails leaves it good.

use postrider_domain::Timestamp;
use postrider_storage::Tx;

use super::{Connected, Wish, account};
use crate::error::Error;
use crate::state::State;
use crate::store::credentials;
use crate::store::oauth_states::{self, Hash};

/// Uses the token up. Begins and leaves in the system role.
pub(super) async fn use_up(tx: &mut Tx, token: &Hash, now: Timestamp) -> Result<bool, Error> {
    Ok(oauth_states::take_confirmed(tx, token.clone(), now).await?.is_some())
}

/// What a connect came to whose token is gone. A commit may go through without its answer reaching us, and a form may be
/// sent twice: if the owner's connector holds the tokens of this very grant, the work is done.
pub(super) async fn done_before(tx: &mut Tx, state: &State, wish: &Wish) -> Result<Connected, Error> {
    tx.enter_tenant(&wish.owner.tenant).await?;
    let row = account::find(tx, &wish.owner, &wish.grant.who).await?.ok_or(Error::StateInvalid)?;
    let held = credentials::find(tx, row.id).await?.and_then(|held| held.access_sealed).ok_or(Error::StateInvalid)?;
    if state.vault.open(&held)?.expose() == wish.grant.access.expose() {
        Ok(Connected { connector: row.id, email_address: row.email_address, created: row.version == 1 })
    } else {
        Err(Error::StateInvalid)
    }
}
