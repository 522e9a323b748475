//! Why a push is not answered 202, as the answers Google gets. Anything but 2xx makes Pub/Sub send it again and slows
//! the whole subscription down, so only what a repeat can cure, and forgeries, are refused.

use std::time::Duration;

use postrider_domain::ConnectorId;
use postrider_google_auth::oidc::PushRefusal;
use postrider_web::body::BodyError;
use postrider_web::{ClientError, Problem};
use serde_json::json;

use crate::confirm::NotConfirmed;

/// When Pub/Sub may try again. Its own backoff is what counts; the header is for people and proxies.
const SOON: Duration = Duration::from_secs(5);

/// A refused push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not from Google, or nobody may push here.
    #[error("the push is not proven: {0}")]
    Unproven(PushRefusal),
    /// Google's keys cannot be had: it may be genuine.
    #[error("the push cannot be proven at the moment: {0}")]
    Unprovable(PushRefusal),
    /// The channels cannot be read at the moment.
    #[error("the channels cannot be read at the moment")]
    ChannelsAway,
    /// A channel nobody opened, or with another token.
    #[error("the channel is not known")]
    UnknownChannel,
    #[error(transparent)]
    Body(#[from] BodyError),
    /// Not durable, so not acknowledged.
    #[error("the push could not be stored: {0}")]
    NotStored(NotConfirmed),
}

impl From<PushRefusal> for Refusal {
    fn from(refusal: PushRefusal) -> Self {
        if refusal.is_temporary() { Self::Unprovable(refusal) } else { Self::Unproven(refusal) }
    }
}

impl Refusal {
    /// A stable word for metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Unproven(refusal) | Self::Unprovable(refusal) => refusal.code(),
            Self::ChannelsAway => "channels_away",
            Self::UnknownChannel => "unknown_channel",
            Self::Body(BodyError::TooLarge(_)) => "too_large",
            Self::Body(BodyError::Broken) => "incomplete",
            Self::Body(BodyError::Late) => "late",
            Self::Body(BodyError::Crowded) => "crowded_bodies",
            Self::NotStored(NotConfirmed::Down) => "broker_down",
            Self::NotStored(NotConfirmed::Blocked) => "broker_blocked",
            Self::NotStored(NotConfirmed::Refused) => "broker_refused",
            Self::NotStored(NotConfirmed::Late) => "broker_late",
            Self::NotStored(NotConfirmed::Crowded) => "crowded",
        }
    }
}

impl From<Refusal> for Problem {
    /// A forger is not told which check failed; the metric and the log say it.
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unproven(PushRefusal::NotConfigured) => {
                Self::unauthorized().with_detail("No push sender is configured here (PUBSUB_SERVICE_ACCOUNT).")
            }
            Refusal::Unproven(_) => Self::unauthorized().with_detail("The push has no valid token of its sender."),
            Refusal::UnknownChannel => {
                Self::unauthorized().with_code("unknown_channel").with_detail("No such channel is open here.")
            }
            Refusal::ChannelsAway => Self::unavailable(
                postrider_web::codes::DATABASE_UNAVAILABLE,
                SOON,
                "The channels cannot be read at the moment.",
            ),
            Refusal::Unprovable(_) => {
                Self::unavailable("keys_unavailable", SOON, "The sender's public keys cannot be fetched.")
            }
            Refusal::Body(error) => error.into(),
            Refusal::NotStored(_) => {
                Self::unavailable("not_stored", SOON, "The push could not be stored. It is safe to send it again.")
            }
        }
    }
}

/// Why a channel is not opened, listed or closed.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    #[error("no such account or channel")]
    NotFound,
    #[error("no account is connected")]
    NoAccount,
    #[error("several accounts are meant")]
    Ambiguous(Vec<(ConnectorId, String)>),
    #[error("the connector is paused")]
    Paused,
    #[error("a new consent is needed")]
    ReauthRequired,
    #[error("the connector is disconnected")]
    Disconnected,
    #[error("the user has as many channels as there may be")]
    TooMany,
    /// Without a database, or without a key to ask connector with.
    #[error("channels are not configured")]
    NotConfigured,
    #[error("connector does not answer: {0}")]
    Connector(#[from] ClientError),
    #[error(transparent)]
    Store(#[from] postrider_storage::Error),
}

impl From<ChannelError> for Problem {
    fn from(error: ChannelError) -> Self {
        match error {
            ChannelError::NotFound => Self::not_found(),
            ChannelError::NoAccount => Self::conflict("account_missing", "No account is connected."),
            ChannelError::Ambiguous(accounts) => {
                let accounts: Vec<_> = accounts
                    .into_iter()
                    .map(|(id, address)| json!({"connector_id": id, "email_address": address}))
                    .collect();
                Self::conflict("account_ambiguous", "Several accounts are connected: name one as connector_id.")
                    .with("accounts", accounts)
            }
            ChannelError::Paused => Self::conflict("connector_paused", "The connector is paused."),
            ChannelError::ReauthRequired => {
                Self::conflict("reauth_required", "The account must be connected again: its grant is no longer valid.")
            }
            ChannelError::Disconnected => Self::conflict("connector_disconnected", "The connector is disconnected."),
            ChannelError::TooMany => Self::conflict("channels_full", "The user has 20 channels: close one first."),
            ChannelError::NotConfigured => Self::unavailable(
                "channels_not_configured",
                Duration::from_secs(60),
                "This installation opens no channels: INGEST_DATABASE_URL or the key ingest-webhook>connector is missing.",
            ),
            ChannelError::Connector(error) => {
                tracing::warn!(%error, "connector cannot be asked whose account a channel is for");
                Self::unavailable("connector_unavailable", SOON, "The accounts cannot be read at the moment.")
            }
            ChannelError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use postrider_google_auth::oidc::TokenRefusal;

    use super::*;

    #[test]
    fn only_what_a_repeat_can_cure_is_503() {
        let status = |refusal: Refusal| Problem::from(refusal).status.as_u16();
        assert_eq!(status(PushRefusal::NoToken.into()), 401);
        assert_eq!(status(PushRefusal::Token(TokenRefusal::UnknownKey).into()), 401);
        assert_eq!(status(PushRefusal::Token(TokenRefusal::KeysUnavailable).into()), 503);
        assert_eq!(status(Refusal::NotStored(NotConfirmed::Blocked)), 503);
        assert_eq!(status(BodyError::TooLarge(1).into()), 413);
        assert_eq!(status(BodyError::Late.into()), 408);
        assert!(Problem::from(Refusal::NotStored(NotConfirmed::Down)).retry_after.is_some());
    }

    #[test]
    fn a_forger_learns_nothing() {
        let detail = |refusal: PushRefusal| Problem::from(Refusal::from(refusal)).detail;
        assert_eq!(detail(PushRefusal::ServiceAccount), detail(PushRefusal::Token(TokenRefusal::Signature)));
    }
}
