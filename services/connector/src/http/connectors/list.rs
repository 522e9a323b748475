//! `GET /api/connectors`.

use actix_web::web::{Data, Json};
use postrider_domain::ConnectorId;
use postrider_web::{ApiQuery, Caller, Cursor, Limit, Page, Problem, Scope};
use serde::Deserialize;

use super::view::ConnectorAnswer;
use crate::error::Error;
use crate::state::State;
use crate::store::connectors::view::{self, ConnectorView};

/// Parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// 1 to 100.
    #[serde(default)]
    limit: Limit,
    /// `next_cursor` of the page before.
    cursor: Option<Cursor<ConnectorId>>,
}

/// The caller's connectors, oldest first, ended ones too.
#[utoipa::path(
    get, path = "/api/connectors", tag = "connectors", 
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = Page<ConnectorAnswer>), (status = 422, body = postrider_web::ProblemDocument))
)]
pub async fn handle(
    state: Data<State>,
    caller: Caller,
    query: ApiQuery<Parameters>,
) -> Result<Json<Page<ConnectorAnswer>>, Problem> {
    caller.require(Scope::Read)?;
    let after = query.cursor.map(|cursor| cursor.0);
    let rows = read(&state, &caller, after, query.limit.and_one()).await?;
    let page = Page::cut(rows, query.limit, |row| row.id)?;
    Ok(Json(page.map(ConnectorAnswer::from)))
}

async fn read(
    state: &State,
    caller: &Caller,
    after: Option<ConnectorId>,
    limit: i64,
) -> Result<Vec<ConnectorView>, Error> {
    let tx = state.db.tenant(&caller.tenant).await?;
    let rows = view::list(&tx, &caller.user, after, limit).await?;
    tx.commit().await?;
    Ok(rows)
}
