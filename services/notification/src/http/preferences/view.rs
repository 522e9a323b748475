//! Preferences as the API shows them.

use postrider_domain::{ConnectorId, UserId};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::rules::Preferences;
use crate::store::preferences::Effective;

/// Effective preferences.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreferencesView {
    /// Null while nothing was ever set.
    #[schema(value_type = Option<String>)]
    pub id: Option<Uuid>,
    pub user_id: String,
    #[schema(value_type = Option<String>)]
    pub account_id: Option<Uuid>,
    #[serde(flatten)]
    pub values: Preferences,
}

impl PreferencesView {
    /// Those of a user, or of one account of theirs.
    pub fn new(user: UserId, account: Option<ConnectorId>, effective: Effective) -> Self {
        Self {
            id: effective.id,
            user_id: user.into_string(),
            account_id: account.map(|account| account.0),
            values: effective.preferences,
        }
    }
}
