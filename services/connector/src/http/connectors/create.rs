//! `POST /api/connectors`: a program connects an account with a code or with a refresh token it already has.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use postrider_domain::Secret;
use postrider_web::{ApiJson, Caller, Problem, Scope};
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::{self, ConnectorAnswer};
use crate::actions::Owner;
use crate::actions::connect::grant::{self, Grant};
use crate::actions::connect::submitted_code::{self, SubmittedCode};
use crate::actions::connect::{Request, connect};
use crate::error::Error;
use crate::rules::settings::{Settings, SettingsPatch};
use crate::state::State;

/// The account to connect: exactly one of `auth_code` and `refresh_token`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewConnector)]
pub struct Body {
    r#type: Kind,
    provider: Provider,
    #[schema(value_type = Option<String>)]
    auth_code: Option<Secret>,
    #[schema(value_type = Option<String>)]
    refresh_token: Option<Secret>,
    /// From `/gmail/auth/url`, with `auth_code` only.
    state: Option<String>,
    /// PKCE verifier, with `auth_code` only: 43 to 128 letters, digits or `-._~`.
    #[schema(value_type = Option<String>)]
    code_verifier: Option<Secret>,
    settings: Option<SettingsPatch>,
}

/// What kind of account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Email,
}

/// Whose.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    Gmail,
}

/// Connects an account.
#[utoipa::path(
    post, path = "/api/connectors", tag = "connectors", request_body = Body,
    responses(
        (status = 201, body = ConnectorAnswer),
        (status = 200, body = ConnectorAnswer, description = "It was connected already; its credential is renewed"),
        (status = 422, body = postrider_web::ProblemDocument),
        (status = 503, body = postrider_web::ProblemDocument, description = "`google_not_configured`, `google_unavailable`"),
    )
)]
pub async fn handle(state: Data<State>, caller: Caller, body: ApiJson<Body>) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Write)?;
    let body = body.into_inner();
    let (Kind::Email, Provider::Gmail) = (&body.r#type, &body.provider);
    let settings = body.settings.clone();
    if let Some(patch) = &settings {
        // Before the code is used up.
        patch.clone().apply(&Settings::default()).map_err(Error::from_faults)?;
    }
    let owner = Owner::from(&caller);
    let grant = granted(&state, &owner, body).await?;
    let request =
        Request { owner: owner.clone(), grant, settings, confirmed: None, link: None, trace: Some(caller.trace) };
    let connected = connect(&state, request).await?;
    let status = if connected.created { StatusCode::CREATED } else { StatusCode::OK };
    let answer = view::read(&state, &owner, connected.connector).await?;
    let mut response = HttpResponse::build(status);
    if connected.created {
        response.insert_header(("Location", format!("/api/connectors/{}", connected.connector)));
    }
    Ok(response.json(answer))
}

async fn granted(state: &State, owner: &Owner, body: Body) -> Result<Grant, Error> {
    match (body.auth_code, body.refresh_token) {
        (Some(code), None) => {
            let submitted = SubmittedCode { code, state: body.state, verifier: body.code_verifier, redirect_uri: None };
            submitted_code::redeem(state, owner, submitted).await
        }
        (None, Some(refresh)) => {
            if body.state.is_some() || body.code_verifier.is_some() {
                let name = if body.state.is_some() { "state" } else { "code_verifier" };
                return Err(Error::invalid(name, "belongs to an auth_code"));
            }
            submitted_code::check_secret("refresh_token", &refresh)?;
            grant::by_refresh_token(state, &refresh).await
        }
        _ => Err(Error::Invalid(vec![
            ("auth_code".to_owned(), "exactly one of auth_code and refresh_token is needed".to_owned()),
            ("refresh_token".to_owned(), "exactly one of auth_code and refresh_token is needed".to_owned()),
        ])),
    }
}
