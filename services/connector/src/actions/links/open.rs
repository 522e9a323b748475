//! The link of a token, for whoever holds it.

use crate::error::Error;
use crate::rules::link;
use crate::state::State;
use crate::store::connect_links::{self, Link};
use postrider_domain::token;

/// Longest token looked up: ours have 43 characters.
const LONGEST: usize = 64;

/// The link, if it may still be opened. Why it may not is told to nobody: an unknown one, a used one and one that was
/// taken back look alike.
pub async fn open(state: &State, word: &str) -> Result<Link, Error> {
    if word.is_empty() || word.len() > LONGEST {
        return Err(Error::LinkInvalid);
    }
    let tx = state.db.system().await?;
    let place = connect_links::find(&tx, &token::hash(word)).await?.ok_or(Error::LinkInvalid)?;
    let tx = tx.into_tenant(&place.tenant).await?;
    let found = connect_links::get(&tx, place.id).await?.ok_or(Error::LinkInvalid)?;
    tx.commit().await?;
    if link::opens(&found, state.seams.clock.now()) { Ok(found) } else { Err(Error::LinkInvalid) }
}
