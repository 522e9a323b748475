//! Who may pass, at whose cost.

use std::net::{IpAddr, Ipv4Addr};

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use domain::Secret;
use web::jwt::TokenRefused;
use web::tokens::Claims;
use web::{Problem, RequestContext};

use super::stamp::Stamp;
use crate::limits::{Exceeded, Payer};
use crate::routes::{Access, Route};
use crate::rules::identity::{self, Identity};
use crate::state::State;

/// A request that may pass.
pub struct Admitted {
    /// What the service gets as `Authorization`.
    pub authorization: Option<Secret>,
}

/// Decides about a request by its row.
///
/// # Errors
/// 401, 403, 429; 503 while client tokens cannot be checked.
pub async fn admit(
    request: &HttpRequest,
    context: &RequestContext,
    route: &Route,
    state: &State,
    stamp: &mut Stamp,
) -> Result<Admitted, Problem> {
    match route.access {
        Access::Intake => Ok(Admitted { authorization: text(request, AUTHORIZATION.as_str()).map(Secret::new) }),
        Access::Open => {
            open(request, state, stamp)?;
            Ok(Admitted { authorization: None })
        }
        Access::Caller => {
            let identity = caller(request, state, stamp).await?;
            if identity.actor != identity.user {
                let (tenant, actor, user) = (identity.tenant.as_str(), identity.actor.as_str(), identity.user.as_str());
                tracing::info!(tenant, actor, user, route = route.pattern, "an administrator acts for a user");
            }
            let claims = Claims {
                tenant: Some(identity.tenant),
                user: Some(identity.user),
                scopes: identity.scopes,
                request_id: context.request_id.clone(),
            };
            let token = state.internal.issue(route.service.name(), claims).map_err(Problem::unexpected)?;
            Ok(Admitted { authorization: Some(Secret::new(format!("Bearer {}", token.expose()))) })
        }
    }
}

/// Takes an open request from its address's budget.
///
/// # Errors
/// The budget is used up.
pub fn open(request: &HttpRequest, state: &State, stamp: &mut Stamp) -> Result<(), Exceeded> {
    // No peer address: a unix socket or a test; they share one budget.
    let address = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip());
    pay(&Payer::Address(network(address)), state, stamp)
}

async fn caller(request: &HttpRequest, state: &State, stamp: &mut Stamp) -> Result<Identity, Problem> {
    let verified = match bearer(request) {
        Some(token) => state.clients.verify(token).await,
        None => Err(TokenRefused::Invalid("there is none")),
    };
    let claims = match verified {
        Ok(claims) => claims,
        Err(refused) => {
            // Guessing tokens costs the address's budget, so 429 wins over 401.
            open(request, state, stamp)?;
            state.metrics.refused.with_label_values(&["token"]).inc();
            return Err(refused.into());
        }
    };
    let payer = Payer::User { tenant: claims.tenant.to_string(), user: claims.user.to_string() };
    pay(&payer, state, stamp)?;
    let (tenant, user) = (text(request, "x-tenant-id"), text(request, "x-user-id"));
    identity::decide(claims, tenant.as_deref(), user.as_deref()).map_err(|mismatch| {
        state.metrics.refused.with_label_values(&["identity"]).inc();
        Problem::forbidden().with_detail(format!("{mismatch}."))
    })
}

fn pay(payer: &Payer, state: &State, stamp: &mut Stamp) -> Result<(), Exceeded> {
    let taken = state.limits.take(payer);
    match &taken {
        Ok(budget) => stamp.budget(*budget),
        Err(exceeded) => {
            stamp.exhausted(*exceeded);
            state.metrics.refused.with_label_values(&["rate"]).inc();
        }
    }
    taken.map(|_budget| ())
}

impl From<Exceeded> for Problem {
    fn from(exceeded: Exceeded) -> Self {
        Self::rate_limited(exceeded.retry_after)
    }
}

/// One household has a /64 in IPv6: an address of its own for each request would be no limit.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
    }
}

/// The token of the only `Authorization: Bearer` header.
fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut all = request.headers().get_all(AUTHORIZATION);
    let (only, None) = (all.next()?, all.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// A header's text; one that is no text is a value that equals nothing.
fn text(request: &HttpRequest, name: &str) -> Option<String> {
    let mut values = request.headers().get_all(name);
    let only = values.next()?;
    match (only.to_str(), values.next()) {
        (Ok(text), None) => Some(text.to_owned()),
        _ => Some(String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_shares_a_budget() {
        let parse = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(network(parse("2001:db8::1")), network(parse("2001:db8::ffff:1")));
        assert_ne!(network(parse("2001:db8::1")), network(parse("2001:db8:0:1::1")));
        assert_eq!(network(parse("::ffff:10.0.0.1")), parse("10.0.0.1"));
    }
}
