//! `GET /api/v1/connect-links`.

use actix_web::web::{Data, Json};
use postrider_web::{ApiQuery, Caller, Cursor, Limit, Page, Problem, Scope};
use serde::Deserialize;
use uuid::Uuid;

use super::view::LinkAnswer;
use crate::error::Error;
use crate::state::State;
use crate::store::connect_links::{self, Link};

/// Parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// 1 to 100.
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<Cursor<Uuid>>,
}

/// The links for the caller and those the caller made, oldest first, for 90 days after their end.
#[utoipa::path(
    get, path = "/api/v1/connect-links", tag = "connecting",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = Page<LinkAnswer>), (status = 422, body = postrider_web::ProblemDocument))
)]
pub async fn handle(
    state: Data<State>,
    caller: Caller,
    query: ApiQuery<Parameters>,
) -> Result<Json<Page<LinkAnswer>>, Problem> {
    caller.require(Scope::Read)?;
    let after = query.cursor.map(|cursor| cursor.0);
    let rows = read(&state, &caller, after, query.limit.and_one()).await?;
    let page = Page::cut(rows, query.limit, |row| row.id)?;
    let now = state.seams.clock.now();
    Ok(Json(page.map(|row| LinkAnswer::new(row, now))))
}

async fn read(state: &State, caller: &Caller, after: Option<Uuid>, limit: i64) -> Result<Vec<Link>, Error> {
    let tx = state.db.tenant(&caller.tenant).await?;
    let rows = connect_links::list(&tx, &caller.user, after, limit).await?;
    tx.commit().await?;
    Ok(rows)
}
