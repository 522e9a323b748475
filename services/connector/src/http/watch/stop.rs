//! `POST /api/v1/gmail/watch/stop`.

use actix_web::web::{Data, Json};
use postrider_domain::ConnectorId;
use postrider_web::{AccountHeader, Caller, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::optional_body::OptionalBody;
use crate::actions::Owner;
use crate::actions::watch::stop::stop;
use crate::state::State;

/// Whose watch.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WatchStop)]
pub struct Body {
    #[schema(value_type = Option<String>, format = "uuid")]
    connector_id: Option<ConnectorId>,
}

/// It is stopped.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = WatchStopAnswer)]
pub struct Answer {
    /// Always true.
    stopped: bool,
}

/// Stops the watch of an account; again is harmless. The body may be left out.
#[utoipa::path(
    post, path = "/api/v1/gmail/watch/stop", tag = "watch", request_body = Option<Body>,
    responses(
        (status = 200, body = Answer),
        (status = 404, body = postrider_web::ProblemDocument),
        (status = 409, body = postrider_web::ProblemDocument, description = "`account_ambiguous`"),
        (status = 422, body = postrider_web::ProblemDocument),
    )
)]
pub async fn handle(
    state: Data<State>,
    caller: Caller,
    account: AccountHeader,
    body: OptionalBody<Body>,
) -> Result<Json<Answer>, Problem> {
    caller.require(Scope::Write)?;
    let connector = account.or(body.0.connector_id)?;
    stop(&state, &Owner::from(&caller), connector, Some(caller.trace)).await?;
    Ok(Json(Answer { stopped: true }))
}
