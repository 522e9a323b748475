//! `GET /api/connectors`.

use actix_web::web::{Data, Json};
use postrider_domain::ConnectorId;
use postrider_storage::page;
use postrider_web::{ApiQuery, Caller, Limit, Page, Problem, Scope};
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
    cursor: Option<String>,
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
    let after = match &query.cursor {
        Some(cursor) => {
            Some(page::decode::<ConnectorId>(cursor).map_err(|error| Error::invalid("cursor", error.to_string()))?)
        }
        None => None,
    };
    let mut rows = read(&state, &caller, after, i64::from(query.limit.get()) + 1).await?;
    let wanted = usize::try_from(query.limit.get()).unwrap_or(usize::MAX);
    let more = rows.len() > wanted;
    rows.truncate(wanted);
    let next = match rows.last().filter(|_| more) {
        Some(last) => Some(page::encode(&last.id).map_err(Problem::unexpected)?),
        None => None,
    };
    Ok(Json(Page::new(rows.into_iter().map(ConnectorAnswer::from).collect(), next)))
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
