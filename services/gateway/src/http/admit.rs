//! Who may pass, at whose cost.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::{HttpMessage as _, HttpRequest};
use postrider_domain::{Secret, Timestamp};
use postrider_web::client_tokens::{ClientIdentity, TokenRefused};
use postrider_web::service_tokens::{Claims, TokenError};
use postrider_web::{RequestContext, bearer};

use super::intake;
use crate::audit::{self, Action};
use crate::error::Error;
use crate::limits::{Budget, Exceeded, Payer};
use crate::observe;
use crate::proxy::Proof;
use crate::routes::{Access, Route};
use crate::rules::api_key::{self, ApiKey};
use crate::rules::client_address::household;
use crate::rules::identity::{self, Identity};
use crate::state::State;

/// A request that may pass.
#[derive(Debug)]
pub enum Admitted {
    Caller(Identity),
    /// Nobody's; what its own `Authorization` says passes on the intake only.
    Nobody(Option<Secret>),
}

/// Whom a request comes from, as far as the proxies on the way are trusted.
pub fn client(request: &HttpRequest, state: &State) -> IpAddr {
    // No peer address: a unix socket or a test; they share one budget.
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    let values: Vec<&str> =
        request.headers().get_all("x-forwarded-for").map(|value| value.to_str().unwrap_or_default()).collect();
    state.trusted.client(peer, values.into_iter())
}

/// Decides about a request by its row, before its body is read.
///
/// # Errors
/// The caller is not known, is not whom it says, or asks too often; a push does not prove itself.
pub async fn admit(
    request: &HttpRequest,
    route: &Route,
    context: &RequestContext,
    state: &State,
) -> Result<Admitted, Error> {
    match route.access {
        Access::Intake => {
            let authorization = intake::prove(request, route, context, state).await?;
            Ok(Admitted::Nobody(authorization))
        }
        Access::Open => {
            open(request, state)?;
            Ok(Admitted::Nobody(None))
        }
        Access::CallerOrTicket if has_ticket(request) => {
            open(request, state)?;
            Ok(Admitted::Nobody(None))
        }
        Access::Caller | Access::CallerOrTicket => {
            Ok(Admitted::Caller(known(request, route.pattern, context, state).await?))
        }
    }
}

/// A ticket stands for a token where there is none.
fn has_ticket(request: &HttpRequest) -> bool {
    let mut members = request.query_string().split('&');
    !request.headers().contains_key("authorization") && members.any(|member| member.starts_with("ticket="))
}

/// The caller of a route that needs one. An administrator who asks in somebody's name is written down first.
///
/// # Errors
/// The caller is not known, is not whom it says, or asks too often; what must be written down cannot be.
pub async fn known(
    request: &HttpRequest,
    pattern: &'static str,
    context: &RequestContext,
    state: &State,
) -> Result<Identity, Error> {
    let identity = caller(request, state).await?;
    if identity.actor != identity.user {
        observe::acts_for(&identity, pattern);
        let target = format!("{} {pattern}", request.method());
        let entry = audit::entry(state, &identity, Action::ActedFor, target, client(request, state), context);
        audit::write(state, &identity, &entry).await?;
    }
    Ok(identity)
}

impl Admitted {
    /// Whose share of the room for bodies the request's body takes.
    pub fn holder(&self, request: &HttpRequest, state: &State) -> Payer {
        match self {
            Self::Caller(Identity { tenant, actor, .. }) => Payer::user(tenant, actor),
            Self::Nobody(_) => address(request, state),
        }
    }

    /// What the request bears towards the service. Made just before it is sent: the token lives for a minute only.
    ///
    /// # Errors
    /// There is no key for the service.
    pub fn proof(self, route: &Route, context: &RequestContext, state: &State) -> Result<Proof, TokenError> {
        let request_id = context.request_id.clone();
        let issue = |claims| state.internal.issue(route.service.name(), claims);
        match self {
            Self::Caller(Identity { tenant, user, scopes, .. }) => {
                let token = issue(Claims { tenant: Some(tenant), user: Some(user), scopes, request_id })?;
                let authorization = Secret::new(format!("Bearer {}", token.expose()));
                Ok(Proof { authorization: Some(authorization), beside: None })
            }
            Self::Nobody(authorization) => {
                let token = issue(Claims { request_id, ..Claims::default() })?;
                Ok(Proof { authorization, beside: Some(token) })
            }
        }
    }
}

fn address(request: &HttpRequest, state: &State) -> Payer {
    Payer::Address(household(client(request, state)))
}

/// Takes a request that proves nothing from its address's budget.
///
/// # Errors
/// The budget is used up.
pub fn open(request: &HttpRequest, state: &State) -> Result<(), Exceeded> {
    pay(&address(request, state), request, state)
}

/// Takes a Socket.IO session that is new, or not known here, from its address's budget.
///
/// # Errors
/// The budget is used up.
pub fn session(request: &HttpRequest, state: &State) -> Result<(), Exceeded> {
    pay(&Payer::Session(household(client(request, state))), request, state)
}

/// Takes a request of a Socket.IO session that exists from the session's budget.
///
/// # Errors
/// The budget is used up.
pub fn poll(sid: &str, request: &HttpRequest, state: &State) -> Result<(), Exceeded> {
    pay(&Payer::Poll(sid.to_owned()), request, state)
}

/// Who bears no token, or a forged one, pays as an address does. An expired one names its user, who pays: the address may
/// be that of many, who must hear that their token has expired and not that others asked too often.
async fn caller(request: &HttpRequest, state: &State) -> Result<Identity, Error> {
    if let Some(key) = bearer(request.headers()).filter(|token| api_key::is_meant(token)) {
        return by_key(key, request, state).await;
    }
    let verdict = match bearer(request.headers()) {
        Some(token) => state.clients.verify(token).await,
        None => Err(TokenRefused::Invalid("there is none")),
    };
    let payer = match &verdict {
        Ok(claims) => user(claims),
        Err(TokenRefused::Expired(claims)) => user(claims),
        Err(TokenRefused::Invalid(_)) => address(request, state),
        // Nobody's fault who asks.
        Err(TokenRefused::KeysUnavailable) => return Err(TokenRefused::KeysUnavailable.into()),
    };
    pay(&payer, request, state)?;
    let claims = verdict?;
    let (tenant, user) = (text_of(request, "x-tenant-id"), text_of(request, "x-user-id"));
    Ok(identity::decide(claims, tenant.as_deref(), user.as_deref())?)
}

/// Who bears an API key is its user, and pays as one. A key that is none, or over, costs its address.
async fn by_key(text: &str, request: &HttpRequest, state: &State) -> Result<Identity, Error> {
    let refused = |reason| -> Result<Identity, Error> {
        pay(&address(request, state), request, state)?;
        Err(TokenRefused::Invalid(reason).into())
    };
    let Some(key) = ApiKey::parse(text) else { return refused("it is no API key") };
    let known = match state.keys.remembered(&key) {
        Some(known) => known,
        None => {
            if !state.keys.was_known(&key) {
                pay(&Payer::Keys(household(client(request, state))), request, state)?;
            }
            state.keys.look_up(&key).await?
        }
    };
    let Some(known) = known else { return refused("the API key is not known") };
    if state.keys.is_over(&known) {
        return refused("the API key has ended");
    }
    let claims = ClientIdentity {
        tenant: known.tenant.clone(),
        user: known.user.clone(),
        scopes: known.scopes.clone(),
        expires_at: known.expires_at.unwrap_or(Timestamp::MAX_UTC),
        api_key: Some(known.id),
    };
    pay(&user(&claims), request, state)?;
    let (tenant, user) = (text_of(request, "x-tenant-id"), text_of(request, "x-user-id"));
    let identity = identity::decide(claims, tenant.as_deref(), user.as_deref())?;
    Ok(Identity { bears_key: true, key_ends: known.expires_at, ..identity })
}

fn user(claims: &ClientIdentity) -> Payer {
    Payer::user(&claims.tenant, &claims.user)
}

/// Takes a request from a budget, whose state the answer will tell.
fn pay(payer: &Payer, request: &HttpRequest, state: &State) -> Result<(), Exceeded> {
    let taken = state.limits.take(payer);
    let budget = match &taken {
        Ok(budget) => *budget,
        Err(Exceeded { limit, retry_after }) => Budget { limit: *limit, remaining: 0, reset: *retry_after },
    };
    request.extensions_mut().insert(budget);
    taken.map(|_budget| ())
}

/// A header's text; one that is no text is a value that equals nothing.
pub fn text_of(request: &HttpRequest, name: &str) -> Option<String> {
    let mut values = request.headers().get_all(name);
    let only = values.next()?;
    match (only.to_str(), values.next()) {
        (Ok(text), None) => Some(text.to_owned()),
        _ => Some(String::new()),
    }
}
