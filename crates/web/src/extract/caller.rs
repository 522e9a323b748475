//! Who calls: identity comes from a verified token and from nothing else (law 5).

use std::future::{Ready, ready};

use actix_web::http::header::AUTHORIZATION;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev};
use postrider_contracts::TraceContext;
use postrider_domain::{TenantId, UserId};

use crate::codes;
use crate::middleware::RequestContext;
use crate::problem::Problem;
use crate::scope::{Scope, Scopes};
use crate::service_tokens::{InternalTokens, TokenError, Verified};

/// The user a request acts for, from the token the gateway (or another service) signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub tenant: TenantId,
    pub user: UserId,
    pub scopes: Scopes,
    pub request_id: String,
    pub trace: TraceContext,
}

impl Caller {
    /// 403 unless the token allows it.
    ///
    /// # Errors
    /// `insufficient_scope`.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        self.scopes.require(scope)
    }
}

/// The service that calls, for `/internal` routes; tenant and user are there when it acts for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCaller {
    /// e.g. `sync-worker`.
    pub name: String,
    pub tenant: Option<TenantId>,
    pub user: Option<UserId>,
    pub scopes: Scopes,
    pub request_id: String,
    pub trace: TraceContext,
}

impl ServiceCaller {
    /// 403 unless the caller is one of these services.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn must_be(&self, allowed: &[&str]) -> Result<(), Problem> {
        if allowed.contains(&self.name.as_str()) { Ok(()) } else { Err(Problem::forbidden()) }
    }
}

/// The middleware's verdict on the request's token, so that it is verified once.
#[derive(Debug, Clone)]
pub(crate) struct VerifiedToken(pub Result<Verified, TokenError>);

impl FromRequest for ServiceCaller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut dev::Payload) -> Self::Future {
        ready(service_caller(request))
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut dev::Payload) -> Self::Future {
        ready(service_caller(request).and_then(|caller| {
            let ServiceCaller { tenant, user, scopes, request_id, trace, .. } = caller;
            match (tenant, user) {
                (Some(tenant), Some(user)) => Ok(Self { tenant, user, scopes, request_id, trace }),
                _ => Err(Problem::unauthorized().with_detail("The token names no tenant and user.")),
            }
        }))
    }
}

fn service_caller(request: &HttpRequest) -> Result<ServiceCaller, Problem> {
    let stashed = request.extensions().get::<VerifiedToken>().cloned();
    let verdict = match stashed {
        Some(VerifiedToken(verdict)) => verdict,
        None => {
            let token = bearer(request.headers()).ok_or_else(Problem::unauthorized)?;
            let tokens = tokens_of(request).ok_or_else(|| {
                tracing::error!("a route needs a caller, but the service has no InternalTokens as app data");
                Problem::internal()
            })?;
            tokens.verify(token)
        }
    };
    let verified = verdict.map_err(|error| refused(&error))?;
    let cx = RequestContext::of(request);
    let Verified { caller: name, claims, .. } = verified;
    let (tenant, user, scopes) = (claims.tenant, claims.user, claims.scopes);
    Ok(ServiceCaller { name, tenant, user, scopes, request_id: cx.request_id, trace: cx.trace })
}

fn refused(error: &TokenError) -> Problem {
    if let TokenError::Clocks { .. } = error {
        tracing::error!(error = %error, "a service token was refused: {error}");
        // Only who holds our key is told.
        return Problem::unauthorized().with_code(codes::CLOCK_DRIFT).with_detail(error.to_string());
    }
    tracing::info!(error = %error, "a service token was refused");
    Problem::unauthorized()
}

fn tokens_of(request: &HttpRequest) -> Option<&InternalTokens> {
    internal_tokens(request.app_data::<InternalTokens>(), request.app_data::<Data<InternalTokens>>())
}

/// App data may be given as it is or in actix's `Data`.
pub(crate) fn internal_tokens<'a>(
    plain: Option<&'a InternalTokens>,
    wrapped: Option<&'a Data<InternalTokens>>,
) -> Option<&'a InternalTokens> {
    plain.or_else(|| wrapped.map(|data| data.as_ref()))
}

/// The token of an `Authorization: Bearer` header. More than one such header is none.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(AUTHORIZATION);
    let (only, None) = (all.next()?, all.next()) else { return None };
    postrider_http::bearer(only.to_str().ok()?)
}
