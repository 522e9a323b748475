//! `GET /api/notifications`.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data as AppData, Json};
use postrider_domain::ConnectorId;
use postrider_web::{AccountHeader, ApiQuery, Caller, Limit, Problem, Scope, codes};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::view::{NotificationView, shown};
use crate::error::Error;
use crate::http::account::must_own;
use crate::rules::Kind;
use crate::state::State;
use crate::store::notifications::{self, Filter};
use crate::store::users;

/// Deepest page; further back a client wants a filter, not a page.
const MAX_PAGE: u32 = 100_000;

/// Which page of which notifications.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// From 1.
    #[serde(default = "first")]
    page: u32,
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 100)]
    limit: Limit,
    #[serde(default)]
    unread_only: bool,
    /// False: only those not archived; true: only archived ones.
    #[serde(default)]
    archived: bool,
    #[serde(default)]
    r#type: Option<String>,
    /// One account only; `X-Account-ID` says the same.
    #[serde(default)]
    #[param(value_type = Option<String>)]
    connector_id: Option<Uuid>,
}

fn first() -> u32 {
    1
}

/// Where the page stands.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    pub page: u32,
    pub limit: u32,
    pub total: i64,
    pub pages: i64,
    pub has_more: bool,
}

/// A page, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationPage {
    pub data: Vec<NotificationView>,
    pub pagination: Pagination,
    /// All the user's unread notifications that are not archived, whatever the filter.
    pub unread_count: i64,
}

/// Notifications by page, newest first.
#[utoipa::path(
    get, path = "/api/notifications", tag = "notifications", params(ListParams),
    responses((status = 200, body = NotificationPage), (status = 401), (status = 404), (status = 422))
)]
pub async fn handle(
    caller: Caller,
    query: ApiQuery<ListParams>,
    header: AccountHeader,
    state: AppData<State>,
) -> Result<Json<NotificationPage>, Error> {
    caller.require(Scope::Read)?;
    let (page, limit) = (query.page, query.limit.get());
    if !(1..=MAX_PAGE).contains(&page) {
        return Err(wrong("page", "must be from 1 to 100000").into());
    }
    let filter = Filter {
        archived: query.archived,
        unread_only: query.unread_only,
        kind: kind(query.r#type.as_deref())?,
        account: header.or(query.connector_id.map(ConnectorId))?,
    };
    let offset = i64::from(page - 1) * i64::from(limit);
    let tx = state.db.tenant(&caller.tenant).await?;
    must_own(&tx, &caller, filter.account).await?;
    let (head, rows, total) = tokio::try_join!(
        users::find(&tx, &caller.tenant, &caller.user),
        notifications::page(&tx, &caller.tenant, &caller.user, &filter, offset, i64::from(limit)),
        notifications::count(&tx, &caller.tenant, &caller.user, &filter)
    )?;
    let data = shown(&tx, &caller.tenant, rows).await?;
    tx.commit().await?;
    let shown = i64::try_from(data.len()).unwrap_or(i64::MAX);
    Ok(Json(NotificationPage {
        data,
        pagination: Pagination {
            page,
            limit,
            total,
            pages: (total + i64::from(limit) - 1) / i64::from(limit),
            has_more: offset + shown < total,
        },
        unread_count: head.map_or(0, |head| head.unread),
    }))
}

fn kind(text: Option<&str>) -> Result<Option<Kind>, Problem> {
    text.map(|text| text.parse().map_err(|_| wrong("type", "is not a notification type"))).transpose()
}

fn wrong(field: &str, why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "A parameter is out of range.").field(field, why)
}
