//! `DELETE /api/v1/connect-links/{link_id}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_web::{Caller, PathId, Problem, Scope};
use uuid::Uuid;

use crate::actions::Owner;
use crate::actions::links::make::revoke;
use crate::state::State;

/// Takes a link back; again is harmless.
#[utoipa::path(
    delete, path = "/api/v1/connect-links/{link_id}", tag = "connecting",
    params(("link_id" = String, Path)),
    responses(
        (status = 204, description = "Nobody can use it any more"),
        (status = 404, body = postrider_web::ProblemDocument),
    )
)]
pub async fn handle(state: Data<State>, caller: Caller, id: PathId<Uuid>) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Write)?;
    revoke(&state, &Owner::from(&caller), *id).await?;
    Ok(HttpResponse::NoContent().finish())
}
