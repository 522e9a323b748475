//! `GET /api/notifications/digests`.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use actix_web::web::{Data as AppData, Json};
use postrider_web::{ApiQuery, Caller, Limit, Problem, Scope, codes};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DigestView, shown};
use crate::error::Error;
use crate::http::notifications::list::Pagination;
use crate::state::State;
use crate::store::digests;

/// Deepest page.
const MAX_PAGE: u32 = 100_000;

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DigestParams {
    /// From 1.
    #[serde(default = "first")]
    page: u32,
    #[serde(default)]
    #[param(value_type = u32, minimum = 1, maximum = 100)]
    limit: Limit,
}

fn first() -> u32 {
    1
}

/// A page, newest first.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DigestPage {
    pub data: Vec<DigestView>,
    pub pagination: Pagination,
}

/// Digests by page, newest first, with the notifications each of them took.
#[utoipa::path(
    get, path = "/api/notifications/digests", tag = "digests", params(DigestParams),
    responses((status = 200, body = DigestPage), (status = 401), (status = 422))
)]
pub async fn handle(
    caller: Caller,
    query: ApiQuery<DigestParams>,
    state: AppData<State>,
) -> Result<Json<DigestPage>, Error> {
    caller.require(Scope::Read)?;
    let (page, limit) = (query.page, query.limit.get());
    if !(1..=MAX_PAGE).contains(&page) {
        let problem = Problem::unprocessable(codes::INVALID_REQUEST, "A parameter is out of range.");
        return Err(problem.field("page", "must be from 1 to 100000").into());
    }
    let (offset, limit_rows) = (i64::from(page - 1) * i64::from(limit), i64::from(limit));
    let tx = state.db.tenant(&caller.tenant).await?;
    let rows = digests::page(&tx, &caller.tenant, &caller.user, offset, limit_rows).await?;
    let total = digests::count(&tx, &caller.tenant, &caller.user).await?;
    let data = shown(&tx, &caller.tenant, rows).await?;
    tx.commit().await?;
    let so_far = offset + i64::try_from(data.len()).unwrap_or(i64::MAX);
    let pages = (total + limit_rows - 1) / limit_rows;
    Ok(Json(DigestPage { data, pagination: Pagination { page, limit, total, pages, has_more: so_far < total } }))
}
