//! Whose account a channel is for: asked of connector when a channel is opened, and daily after that. Never asked when a
//! notice comes: the intake knows no accounts and must not wait for anybody who does.

use postrider_domain::{ConnectorId, EmailAddress};
use postrider_web::{Call, ClientError, ServiceClient};
use serde::Deserialize;

use crate::error::ChannelError;

/// Its state, as connector words it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    Paused,
    ReauthRequired,
    Disconnected,
}

/// An account as connector tells it.
#[derive(Debug, Clone, Deserialize)]
pub struct Account {
    pub id: ConnectorId,
    pub email_address: String,
    pub status: Status,
}

impl Account {
    /// The address in the form for look-ups; none once the account was erased.
    pub fn address(&self) -> Option<String> {
        let live = self.status != Status::Disconnected;
        EmailAddress::parse(&self.email_address).ok().filter(|_| live).map(|address| address.lookup_key())
    }

    /// The account, if it can act.
    fn acting(self) -> Result<Self, ChannelError> {
        match self.status {
            Status::Active => Ok(self),
            Status::Paused => Err(ChannelError::Paused),
            Status::ReauthRequired => Err(ChannelError::ReauthRequired),
            Status::Disconnected => Err(ChannelError::Disconnected),
        }
    }
}

#[derive(Debug, Deserialize)]
struct Accounts {
    data: Vec<Account>,
    next_cursor: Option<String>,
}

/// The account that is meant, if it is the caller's and can act: the one named, or the only one.
pub async fn meant(
    connector: &ServiceClient,
    call: &Call,
    named: Option<ConnectorId>,
) -> Result<Account, ChannelError> {
    if let Some(id) = named {
        return find(connector, call, id).await?.ok_or(ChannelError::NotFound)?.acting();
    }
    let Accounts { data, next_cursor } = connector.get(call, "/api/connectors", &[("limit", "100")]).await?;
    let mut open: Vec<Account> = data.into_iter().filter(|account| account.status != Status::Disconnected).collect();
    match (open.pop(), open.is_empty() && next_cursor.is_none()) {
        (None, true) => Err(ChannelError::NoAccount),
        (Some(only), true) => only.acting(),
        (last, false) => {
            open.extend(last);
            Err(ChannelError::Ambiguous(open.into_iter().map(|account| (account.id, account.email_address)).collect()))
        }
    }
}

/// The caller's account of that id.
pub async fn find(connector: &ServiceClient, call: &Call, id: ConnectorId) -> Result<Option<Account>, ClientError> {
    match connector.get(call, &format!("/api/connectors/{id}"), &()).await {
        Ok(account) => Ok(Some(account)),
        Err(ClientError::Status { status: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
