//! `POST /api/v1/connect-links`.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use chrono::TimeDelta;
use postrider_domain::{ConnectorId, EmailAddress, UserId};
use postrider_web::{ApiJson, Caller, Problem, Scope, WriteId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::LinkAnswer;
use crate::actions::Owner;
use crate::actions::links::make::{Account, Wanted, make};
use crate::error::Error;
use crate::rules::{link, return_to};
use crate::state::State;

/// Whom the link is for and which account it connects: exactly one of `connector_id` and `email`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewConnectLink)]
pub struct Body {
    /// The caller if absent; another user needs `tenant:admin`.
    #[schema(value_type = Option<String>)]
    user_id: Option<UserId>,
    /// A connector of that user, to be connected again. Another Google account is refused.
    #[schema(value_type = Option<String>, format = "uuid")]
    connector_id: Option<ConnectorId>,
    /// The address of a new account; for another user and with `tenant:admin` only.
    #[schema(value_type = Option<String>)]
    email: Option<EmailAddress>,
    /// Where the browser goes afterwards: in our own origin or in one of `OAUTH_RETURN_ORIGINS`.
    return_to: Option<String>,
    /// Seconds, 60 to 604,800; a day if absent.
    expires_in: Option<u32>,
}

/// A new link with its address, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MadeConnectLink)]
pub struct Answer {
    url: String,
    #[serde(flatten)]
    link: LinkAnswer,
}

/// Makes a link that may be mailed.
#[utoipa::path(
    post, path = "/api/v1/connect-links", tag = "connecting", request_body = Body,
    responses(
        (status = 201, body = Answer),
        (status = 403, body = postrider_web::ProblemDocument, description = "For another user without `tenant:admin`"),
        (status = 404, body = postrider_web::ProblemDocument, description = "That user has no such connector"),
        (status = 409, body = postrider_web::ProblemDocument, description = "`connect_links_full`: 20 links of that user can still be used; `connector_disconnected`: erased"),
        (status = 422, body = postrider_web::ProblemDocument),
        (status = 503, body = postrider_web::ProblemDocument, description = "`google_not_configured`"),
    )
)]
pub async fn handle(
    state: Data<State>,
    caller: Caller,
    write: WriteId,
    body: ApiJson<Body>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Write)?;
    let wanted = wanted(&state, &caller, write, body.into_inner())?;
    state.google()?;
    let made = make(&state, &Owner::from(&caller), wanted).await?;
    let link = LinkAnswer::new(made.link, state.seams.clock.now());
    Ok(HttpResponse::Created()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(Answer { url: made.url.expose().to_owned(), link }))
}

fn wanted(state: &State, caller: &Caller, write: WriteId, body: Body) -> Result<Wanted, Problem> {
    let own = body.user_id.as_ref().is_none_or(|user| *user == caller.user);
    let account = match (body.connector_id, body.email) {
        (Some(id), None) => Account::Known(id),
        (None, Some(_)) if own => {
            return Err(Error::invalid("email", "is for other users; a link for oneself names a connector_id").into());
        }
        (None, Some(address)) => Account::New(address),
        _ => {
            let why = "exactly one of connector_id and email is needed".to_owned();
            return Err(
                Error::Invalid(vec![("connector_id".to_owned(), why.clone()), ("email".to_owned(), why)]).into()
            );
        }
    };
    if !own {
        caller.require(Scope::TenantAdmin)?;
    }
    let settings = &state.settings;
    let return_to = body
        .return_to
        .map(|text| return_to::allowed(&text, &settings.app_public_url, &settings.return_origins))
        .transpose()
        .map_err(|why| Error::invalid("return_to", why))?;
    let lifetime = match body.expires_in {
        None => link::LIFETIME,
        Some(seconds) if link::SECONDS.contains(&seconds) => TimeDelta::seconds(i64::from(seconds)),
        Some(_) => return Err(Error::invalid("expires_in", "is 60 to 604800 seconds").into()),
    };
    let user = body.user_id.unwrap_or_else(|| caller.user.clone());
    let id = write.or(|| state.seams.ids.uuid());
    Ok(Wanted { id, user, account, return_to: return_to.map(String::from), lifetime })
}
