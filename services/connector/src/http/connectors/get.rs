//! `GET /api/connectors/{connector_id}`.

use actix_web::web::{Data, Json};
use postrider_domain::ConnectorId;
use postrider_web::{Caller, PathId, Problem, Scope};

use super::view::{self, ConnectorAnswer};
use crate::actions::Owner;
use crate::state::State;

/// One of the caller's connectors.
#[utoipa::path(
    get, path = "/api/connectors/{connector_id}", tag = "connectors",
    params(("connector_id" = String, Path)),
    responses((status = 200, body = ConnectorAnswer), (status = 404, body = postrider_web::ProblemDocument))
)]
pub async fn handle(
    state: Data<State>,
    caller: Caller,
    id: PathId<ConnectorId>,
) -> Result<Json<ConnectorAnswer>, Problem> {
    caller.require(Scope::Read)?;
    Ok(Json(view::read(&state, &Owner::from(&caller), *id).await?))
}
