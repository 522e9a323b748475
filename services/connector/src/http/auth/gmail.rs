//! `POST /api/auth/google/gmail`: a frontend brings an authorisation code.

use actix_web::web::{Data, Json};
use postrider_domain::Secret;
use postrider_web::{ApiJson, Caller, Problem, Scope};
use serde::Deserialize;
use utoipa::ToSchema;

use super::respond::ConnectedAnswer;
use crate::actions::Owner;
use crate::actions::connect::submitted_code::{self, SubmittedCode};
use crate::actions::connect::{Request, connect};
use crate::state::State;

/// The code and what belongs to it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = GmailGrant)]
pub struct Body {
    #[schema(value_type = String)]
    auth_code: Secret,
    /// From `/gmail/auth/url`, if the consent began there; its PKCE verifier is used then.
    state: Option<String>,
    /// The PKCE verifier of a consent the frontend began itself: 43 to 128 letters, digits or `-._~`.
    #[schema(value_type = Option<String>)]
    code_verifier: Option<Secret>,
    /// Ours or `postmessage`; ours if absent. Where a Desktop client is set, also the loopback address its consent ended at
    /// (`http://127.0.0.1:<port>/`), with its `code_verifier`.
    redirect_uri: Option<String>,
}

/// Connects the account of a code.
#[utoipa::path(
    post, path = "/api/auth/google/gmail", tag = "connecting", request_body = Body,
    responses(
        (status = 200, body = ConnectedAnswer),
        (status = 422, body = postrider_web::ProblemDocument, description = "`auth_code_invalid` (also for a code of another redirect URI), `state_invalid`, `scope_missing`, `refresh_token_missing`"),
        (status = 503, body = postrider_web::ProblemDocument, description = "`google_not_configured`, `google_unavailable`"),
    )
)]
pub async fn handle(state: Data<State>, caller: Caller, body: ApiJson<Body>) -> Result<Json<ConnectedAnswer>, Problem> {
    caller.require(Scope::Write)?;
    let body = body.into_inner();
    let submitted = SubmittedCode {
        code: body.auth_code,
        state: body.state,
        verifier: body.code_verifier,
        redirect_uri: body.redirect_uri,
    };
    let owner = Owner::from(&caller);
    let grant = submitted_code::redeem(&state, &owner, submitted).await?;
    let request = Request { owner, grant, settings: None, confirmed: None, link: None, trace: Some(caller.trace) };
    let connected = connect(&state, request).await?;
    Ok(Json(connected.into()))
}
