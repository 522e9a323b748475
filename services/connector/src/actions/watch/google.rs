//! The calls to Google about an account's watch; they record nothing.

use std::sync::Arc;

use postrider_gmail::{GmailApi, GmailError, TokenError, TokenSource, WatchAnswer, WatchRequest};

use crate::actions::tokens::source::ConnectorTokens;
use crate::state::State;
use crate::store::connectors::members::{self, Member};
use crate::store::google_accounts::Account;

/// Asks Google to watch the account on a topic.
pub(super) async fn ask(state: &State, account: &Account, topic: &str) -> Result<WatchAnswer, GmailError> {
    let request = WatchRequest { topic: topic.to_owned() };
    let gmail = client(state, account).await?;
    match gmail.watch(&request).await {
        // Another topic of this OAuth client watches the account: Google allows one. Take it over, once.
        Err(GmailError::WatchTaken) => {
            gmail.stop().await?;
            gmail.watch(&request).await
        }
        answer => answer,
    }
}

/// A client with the token of a live connector that has one to give.
pub(super) async fn client(state: &State, account: &Account) -> Result<Arc<dyn GmailApi>, GmailError> {
    let members = live(state, account).await.map_err(|error| GmailError::transient(error.to_string()))?;
    let google = state.google().map_err(|error| GmailError::transient(error.to_string()))?;
    let mut last = GmailError::Token(TokenError::Disconnected);
    for member in members {
        let tokens = ConnectorTokens { state: state.clone(), tenant: member.tenant, connector: member.connector };
        match tokens.token(None).await {
            Ok(_token) => {
                return google
                    .gmail(member.connector, Arc::new(tokens))
                    .map_err(|error| GmailError::transient(error.to_string()));
            }
            Err(error) => last = GmailError::Token(error),
        }
    }
    Err(last)
}

async fn live(state: &State, account: &Account) -> Result<Vec<Member>, postrider_storage::Error> {
    let tx = state.db.system().await?;
    let members = members::live(&tx, account).await?;
    tx.commit().await?;
    Ok(members)
}
