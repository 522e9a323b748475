//! `GET /api/triggers/{id}/fires`.

use actix_web::web::{Data, Json};
use postrider_web::{ApiQuery, Caller, Cursor, Page, PathId, Scope};
use uuid::Uuid;

use super::FireView;
use super::read::TriggersParams;
use crate::error::Error;
use crate::state::State;
use crate::store::triggers;

/// When a trigger fired, newest first.
#[utoipa::path(
    get, path = "/api/triggers/{id}/fires", tag = "triggers", params(("id" = String, Path), TriggersParams),
    responses((status = 200, body = Page<FireView>), (status = 404), (status = 422))
)]
pub async fn handle(
    caller: Caller,
    id: PathId<Uuid>,
    query: ApiQuery<TriggersParams>,
    state: Data<State>,
) -> Result<Json<Page<FireView>>, Error> {
    caller.require(Scope::Read)?;
    let before = query.cursor.map(|Cursor(id)| id);
    let tx = state.db.tenant(&caller.tenant).await?;
    let found = triggers::lock(&tx, &caller.tenant, &caller.user, *id).await?;
    let one = found.ok_or_else(Error::not_found)?;
    let rows = triggers::fires(&tx, &caller.tenant, one.id, before, query.limit.and_one()).await?;
    tx.commit().await?;
    Ok(Json(Page::cut(rows, query.limit, |row| row.id)?.map(FireView::from)))
}
