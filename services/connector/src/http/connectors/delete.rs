//! `DELETE /api/connectors/{connector_id}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_domain::ConnectorId;
use postrider_web::{ApiQuery, Caller, PathId, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::{self, ConnectorAnswer};
use crate::actions::Owner;
use crate::actions::disconnect::disconnect;
use crate::state::State;

/// Parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Also remove the mirrored mail, in the background.
    #[serde(default)]
    erase: bool,
}

/// The mail is being removed.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErasingAnswer {
    /// Always `erasing`.
    status: &'static str,
    /// The run that removes the mail.
    run_id: String,
    connector: ConnectorAnswer,
}

/// Ends one of the caller's connectors; again is harmless.
#[utoipa::path(
    delete, path = "/api/connectors/{connector_id}", tag = "connectors",
    params(
        ("connector_id" = String, Path),
        ("erase" = Option<bool>, Query, description = "Also remove the mirrored mail, in the background"),
    ),
    responses(
        (status = 200, body = ConnectorAnswer, description = "Disconnected; its mail stays readable"),
        (status = 202, body = ErasingAnswer),
        (status = 404, body = postrider_web::ProblemDocument),
    )
)]
pub async fn handle(
    state: Data<State>,
    caller: Caller,
    id: PathId<ConnectorId>,
    query: ApiQuery<Parameters>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Write)?;
    let owner = Owner::from(&caller);
    let run = disconnect(&state, &owner, *id, query.erase, Some(caller.trace)).await?;
    let connector = view::read(&state, &owner, *id).await?;
    Ok(match run {
        Some(run) => {
            HttpResponse::Accepted().json(ErasingAnswer { status: "erasing", run_id: run.to_string(), connector })
        }
        None => HttpResponse::Ok().json(connector),
    })
}
