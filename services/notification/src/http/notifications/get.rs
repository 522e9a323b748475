//! `GET /api/notifications/{id}`.

use actix_web::web::{Data as AppData, Json};
use postrider_domain::NotificationId;
use postrider_web::{Caller, PathId, Scope};

use super::view::{Data, NotificationView, shown};
use crate::error::Error;
use crate::state::State;
use crate::store::notifications;

/// One notification.
#[utoipa::path(
    get, path = "/api/notifications/{id}", tag = "notifications", params(("id" = String, Path)),
    responses((status = 200, body = Data<NotificationView>), (status = 404))
)]
pub async fn handle(
    caller: Caller,
    id: PathId<NotificationId>,
    state: AppData<State>,
) -> Result<Json<Data<NotificationView>>, Error> {
    caller.require(Scope::Read)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    let row = notifications::find(&tx, &caller.tenant, &caller.user, *id).await?;
    let rows = shown(&tx, &caller.tenant, row.into_iter().collect()).await?;
    tx.commit().await?;
    let data = rows.into_iter().next().ok_or_else(Error::not_found)?;
    Ok(Json(Data { data }))
}
