//! `GET /api/v1/labels`

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data, Json};
use postrider_domain::ConnectorId;
use postrider_web::{AccountHeader, ApiQuery, Caller, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::store::labels;

/// Whose labels; all of the caller's accounts when none is named.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct LabelsQuery {
    #[param(value_type = Option<Uuid>)]
    pub connector_id: Option<ConnectorId>,
}

/// A label of one account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Label {
    pub connector_id: Uuid,
    /// Gmail's id, such as `INBOX` or `Label_3`.
    pub id: String,
    /// Nested labels have `/` in it.
    pub name: String,
    /// `system` or `user`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Null where the user chose none.
    pub color: Option<Color>,
    /// Mails that carry it and are not deleted.
    pub emails: i64,
    pub unread: i64,
}

/// Colours, `#rrggbb`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = LabelColor)]
pub struct Color {
    pub text: String,
    pub background: String,
}

/// All labels: Gmail allows 10,000 in a mailbox, so they come on one page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Labels {
    pub data: Vec<Label>,
    /// Always null.
    pub next_cursor: Option<String>,
}

/// Labels with their names as Gmail listed them last, which is a poll interval ago at most.
#[utoipa::path(get, path = "/api/v1/labels", tag = "mail", params(LabelsQuery),
    responses((status = 200, body = Labels), (status = 404, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<LabelsQuery>,
) -> Result<Json<Labels>, Problem> {
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = ids(&accounts.covered(account.or(query.into_inner().connector_id)?, None)?);
    let rows = labels::list(&tx, &covered).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    Ok(Json(Labels { data: rows.into_iter().map(Label::from).collect(), next_cursor: None }))
}

impl From<labels::Shown> for Label {
    fn from(row: labels::Shown) -> Self {
        let color = row.text_color.zip(row.background_color);
        Self {
            connector_id: row.connector_id.0,
            id: row.label_id.into_string(),
            name: row.name,
            kind: row.kind,
            color: color.map(|(text, background)| Color { text, background }),
            emails: row.emails,
            unread: row.unread,
        }
    }
}
