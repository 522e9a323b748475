//! `GET /api/v1/gmail/watch/channels`.

use actix_web::web::{Data, Json};
use postrider_web::{ApiQuery, Caller, Cursor, Limit, Page, Problem, Scope};
use serde::Deserialize;
use uuid::Uuid;

use super::view::ChannelAnswer;
use crate::error::ChannelError;
use crate::state::Channels;
use crate::state::State;
use crate::store::channels::{self, Channel};

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

/// The caller's channels, oldest first.
#[utoipa::path(
    get, path = "/api/v1/gmail/watch/channels", tag = "watch",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = Page<ChannelAnswer>), (status = 422, body = postrider_web::ProblemDocument))
)]
pub async fn handle(
    state: Data<State>,
    caller: Caller,
    query: ApiQuery<Parameters>,
) -> Result<Json<Page<ChannelAnswer>>, Problem> {
    caller.require(Scope::Read)?;
    let own = state.channels()?;
    let after = query.cursor.map(|cursor| cursor.0);
    let rows = read(own, &caller, after, query.limit.and_one()).await?;
    let page = Page::cut(rows, query.limit, |row| row.id)?;
    Ok(Json(page.map(|row| ChannelAnswer::new(row, &own.url))))
}

async fn read(own: &Channels, caller: &Caller, after: Option<Uuid>, limit: i64) -> Result<Vec<Channel>, ChannelError> {
    let tx = own.db.tenant(&caller.tenant).await?;
    let rows = channels::list(&tx, &caller.user, after, limit).await?;
    tx.commit().await?;
    Ok(rows)
}
