//! `PATCH /api/connectors/{connector_id}`.

use actix_web::web::{Data, Json};
use postrider_domain::{AccountStatus, ConnectorId};
use postrider_web::{ApiJson, Caller, PathId, Problem, Scope};
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::{self, ConnectorAnswer};
use crate::actions::Owner;
use crate::actions::update::{Patch, update};
use crate::error::Error;
use crate::rules::settings::SettingsPatch;
use crate::state::State;

/// Longest name, in characters.
const MAX_NAME: usize = 200;

/// What is to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ConnectorPatch)]
pub struct Body {
    /// 1 to 200 characters.
    display_name: Option<String>,
    settings: Option<SettingsPatch>,
    status: Option<ChosenStatus>,
}

/// The states an owner may choose.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChosenStatus {
    Active,
    Paused,
}

/// Changes one of the caller's connectors.
#[utoipa::path(
    patch, path = "/api/connectors/{connector_id}", tag = "connectors",
    params(("connector_id" = String, Path)), request_body = Body,
    responses(
        (status = 200, body = ConnectorAnswer),
        (status = 404, body = postrider_web::ProblemDocument),
        (status = 409, body = postrider_web::ProblemDocument, description = "`reauth_required`, `connector_disconnected`"),
        (status = 422, body = postrider_web::ProblemDocument),
    )
)]
pub async fn handle(
    state: Data<State>,
    caller: Caller,
    id: PathId<ConnectorId>,
    body: ApiJson<Body>,
) -> Result<Json<ConnectorAnswer>, Problem> {
    caller.require(Scope::Write)?;
    let body = body.into_inner();
    let display_name = body.display_name.map(name).transpose()?;
    let status = body.status.map(|chosen| match chosen {
        ChosenStatus::Active => AccountStatus::Active,
        ChosenStatus::Paused => AccountStatus::Paused,
    });
    let patch = Patch { display_name, settings: body.settings, status };
    let owner = Owner::from(&caller);
    update(&state, &owner, *id, patch, Some(caller.trace)).await?;
    Ok(Json(view::read(&state, &owner, *id).await?))
}

fn name(text: String) -> Result<String, Error> {
    let name = text.trim();
    if (1..=MAX_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(Error::invalid("display_name", "has 1 to 200 characters and no control characters"))
    }
}
