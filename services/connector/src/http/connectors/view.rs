//! A connector in answers. No secret has a place here.

use postrider_domain::{ConnectorId, GoogleSub, Timestamp, WatchId, WatchState, WatchType};
use postrider_google_auth::oauth::Scopes;
use postrider_web::Problem;
use serde::Serialize;
use utoipa::ToSchema;

use crate::actions::Owner;
use crate::error::Error;
use crate::rules::settings::Settings;
use crate::state::State;
use crate::store::connectors::view::{self, ConnectorView};

/// A connected account.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectorAnswer {
    #[schema(value_type = String, format = "uuid")]
    id: ConnectorId,
    /// Always `email`.
    r#type: &'static str,
    /// Always `gmail`.
    provider: &'static str,
    display_name: String,
    email_address: String,
    /// `active`, `reauth_required`, `paused`, `disconnected`.
    status: &'static str,
    /// Why, for `reauth_required`: `invalid_grant`, `scope_missing`.
    status_reason: Option<String>,
    granted_scopes: Vec<String>,
    settings: Settings,
    config: ConfigAnswer,
    /// Whether we hold a credential for it. The credential itself never leaves the service.
    has_credentials: bool,
    watch: Option<WatchAnswer>,
    /// When a push for the account was last seen.
    #[schema(value_type = Option<String>, format = "date-time")]
    last_notification_at: Option<Timestamp>,
    /// Grows with each change.
    version: i64,
    /// The run that erases its mirror, if that was asked for. Its address is gone then, and it is never connected again:
    /// the same account gets a connector of its own.
    erase_run_id: Option<String>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

/// What the connection consists of, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigAnswer {
    /// Google's stable account id, `email:<address>` while none is known, `erased:<id>` after an erasure.
    #[schema(value_type = String)]
    google_sub: GoogleSub,
    has_credentials: bool,
}

/// The connector's watch.
#[derive(Debug, Serialize, ToSchema)]
pub struct WatchAnswer {
    #[schema(value_type = String)]
    watch_id: WatchId,
    /// `push` or `polling`.
    watch_type: &'static str,
    /// `pending`, `active`, `lapsed`, `stopped`.
    state: &'static str,
    /// When Google's watch ends unless renewed.
    #[schema(value_type = Option<String>, format = "date-time")]
    expiration: Option<Timestamp>,
    /// Since when pushes are missed although Google watches; mail comes by polling then.
    #[schema(value_type = Option<String>, format = "date-time")]
    silent_since: Option<Timestamp>,
}

impl From<ConnectorView> for ConnectorAnswer {
    fn from(row: ConnectorView) -> Self {
        let watch = row.watch_id.map(|id| WatchAnswer {
            watch_id: id,
            watch_type: row.watch_type.map_or("", WatchType::as_str),
            state: row.watch_state.map_or("", WatchState::as_str),
            expiration: row.watch_expires_at,
            silent_since: row.watch_silent_since,
        });
        Self {
            id: row.id,
            r#type: "email",
            provider: "gmail",
            display_name: row.display_name,
            email_address: row.email_address,
            status: row.status.as_str(),
            status_reason: Some(row.status_reason).filter(|reason| !reason.is_empty()),
            granted_scopes: Scopes::parse(&row.granted_scopes).iter().map(str::to_owned).collect(),
            settings: row.settings,
            config: ConfigAnswer { google_sub: row.google_sub, has_credentials: row.has_credentials },
            has_credentials: row.has_credentials,
            watch,
            last_notification_at: row.last_notification_at,
            version: row.version,
            erase_run_id: row.erase_run_id.map(|run| run.to_string()),
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Reads one of the owner's connectors for an answer.
pub async fn read(state: &State, owner: &Owner, id: ConnectorId) -> Result<ConnectorAnswer, Problem> {
    let found = async {
        let tx = state.db.tenant(&owner.tenant).await?;
        let found = view::find(&tx, &owner.user, id).await?;
        tx.commit().await?;
        found.ok_or(Error::NotFound)
    };
    Ok(found.await.map(ConnectorAnswer::from)?)
}
