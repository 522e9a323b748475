//! Which of our OAuth clients an account consented to: its tokens work with that one alone.

use uuid::Uuid;

use crate::error::Error;
use crate::state::{App, Google, State};
use crate::store::google_accounts;

/// The account's client. One that neither of ours is gets the Web client's refusal, which says so.
pub async fn of_account(state: &State, google: &Google, account: Uuid) -> Result<App, Error> {
    if !google.has_desktop() {
        return Ok(App::Web);
    }
    let tx = state.db.system().await?;
    let client = google_accounts::client_of(&tx, account).await?;
    tx.commit().await?;
    Ok(client.and_then(|id| google.app(&id)).unwrap_or(App::Web))
}
