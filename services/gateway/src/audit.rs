//! The audit log: what is more than using one's own account.

use std::net::IpAddr;

use actix_web::http::Method;
use postrider_storage::Error;
use postrider_web::RequestContext;
use uuid::Uuid;

use crate::rules::client_address::household;
use crate::rules::identity::Identity;
use crate::state::State;
use crate::store::audit_log::{self, Entry};

/// What is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A tenant's administrator asks in the name of one of its users; the target is the route.
    ActedFor,
    ApiKeyCreated,
    ApiKeyDeleted,
    /// An API key was turned into a token; the target is the key.
    TokenIssued,
    /// A link was asked for by which somebody else may connect an account.
    ConnectLinkAsked,
    /// Such a link is to be revoked; the target is the link.
    ConnectLinkRevoked,
}

impl Action {
    /// As the API tells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ActedFor => "acted_for",
            Self::ApiKeyCreated => "api_key.created",
            Self::ApiKeyDeleted => "api_key.deleted",
            Self::TokenIssued => "token.issued",
            Self::ConnectLinkAsked => "connect_link.asked",
            Self::ConnectLinkRevoked => "connect_link.revoked",
        }
    }
}

impl Action {
    /// What a request to another service is that is written down once it was done, and its target.
    pub fn passing(method: &Method, pattern: &str, path: &str) -> Option<(Self, String)> {
        let id = || path.rsplit('/').next().and_then(|id| id.parse::<Uuid>().ok());
        match (method, pattern) {
            (&Method::POST, "/api/v1/connect-links") => Some((Self::ConnectLinkAsked, pattern.to_owned())),
            (&Method::DELETE, "/api/v1/connect-links/{id}") => {
                // What is no id revokes nothing.
                id().map(|id| (Self::ConnectLinkRevoked, id.to_string()))
            }
            _ => None,
        }
    }
}

/// An entry about a request of `identity`.
pub fn entry(
    state: &State,
    identity: &Identity,
    action: Action,
    target: String,
    client: IpAddr,
    context: &RequestContext,
) -> Entry {
    Entry {
        id: state.seams.ids.uuid(),
        user_id: identity.user.clone(),
        actor: identity.actor.clone(),
        api_key_id: identity.api_key,
        action: action.as_str().to_owned(),
        target,
        address: household(client).to_string(),
        request_id: context.request_id.clone(),
        created_at: state.seams.clock.now(),
    }
}

/// Writes an entry down. What cannot be written down is not done.
///
/// # Errors
/// The database is away.
pub async fn write(state: &State, identity: &Identity, entry: &Entry) -> Result<(), Error> {
    let tx = state.db.tenant(&identity.tenant).await?;
    audit_log::insert(&tx, &identity.tenant, entry).await?;
    tx.commit().await
}
