//! The query that names an account.

use postrider_domain::{ConnectorId, EmailAddress};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which account; not needed when the caller has one.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct AccountQuery {
    #[param(value_type = Option<String>)]
    pub user_email: Option<EmailAddress>,
    #[param(value_type = Option<Uuid>)]
    pub connector_id: Option<ConnectorId>,
}
