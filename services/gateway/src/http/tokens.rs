//! `POST /api/v1/tokens`

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use postrider_domain::Timestamp;
use postrider_web::client_tokens::{ClientIdentity, NotIssued};
use postrider_web::{Problem, ProblemDocument, RequestContext};
use serde::Serialize;
use utoipa::ToSchema;

use super::own::{Asked, ask, private};
use super::{admit, refused};
use crate::audit::{self, Action};
use crate::error::Error;
use crate::state::State;

/// The route.
pub const ALL: &str = "/api/v1/tokens";

/// How long a token lives.
const LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// A token made from a key.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IssuedToken)]
pub struct Issued {
    /// To be sent as `Authorization: Bearer`, and in the handshake of Socket.IO.
    token: String,
    /// 15 minutes from now, or when the key ends.
    #[schema(value_type = String, format = "date-time")]
    expires_at: Timestamp,
}

/// Turns an API key into a token of 15 minutes with the key's scopes: for Socket.IO, which takes no keys, and for handing
/// to a browser. Needs a key as bearer; where tokens are a provider's (`JWT_JWKS_URL`) there is none to be had here: 409
/// `tokens_by_provider`.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "keys",
    responses((status = 200, body = Issued), (status = 403, body = ProblemDocument), (status = 409, body = ProblemDocument))
)]
pub async fn create(
    request: HttpRequest,
    context: RequestContext,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let issued = async {
        let Asked { identity, .. } = ask(&request, &context, payload, ALL, &state).await?;
        let Some(key) = identity.api_key.filter(|_| identity.bears_key) else {
            let detail = "This route turns an API key into a token: bear the key.";
            return Err(Problem::forbidden().with_code("api_key_required").with_detail(detail).into());
        };
        if identity.actor != identity.user {
            // The token would say nothing of who asked for it.
            let detail = "A token is made for the key's own user: leave X-User-ID out.";
            return Err(Problem::forbidden().with_detail(detail).into());
        }
        let now = state.seams.clock.now();
        let expires_at = identity.key_ends.unwrap_or(now + LIFETIME);
        let (tenant, user) = (identity.tenant.clone(), identity.user.clone());
        let bearer = ClientIdentity { tenant, user, scopes: identity.scopes.clone(), expires_at, api_key: Some(key) };
        let (token, expires_at) = state.issuer.issue(&bearer, now, LIFETIME).map_err(not_issued)?;
        let client = admit::client(&request, &state);
        let entry = audit::entry(&state, &identity, Action::TokenIssued, key.to_string(), client, &context);
        audit::write(&state, &identity, &entry).await?;
        Ok(private(HttpResponse::Ok().json(Issued { token: token.expose().to_owned(), expires_at })))
    };
    issued.await.map_err(|error| refused(&state, error))
}

fn not_issued(why: NotIssued) -> Error {
    match why {
        NotIssued::ByProvider => {
            let detail = "Tokens come from the provider whose keys verify them: ask it.";
            Problem::conflict("tokens_by_provider", detail).into()
        }
        NotIssued::Unwritable => Problem::unexpected(why).into(),
    }
}
