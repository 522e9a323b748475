//! What a client's token says.

use std::time::Duration;

use chrono::{DateTime, TimeDelta};
use postrider_domain::{TenantId, Timestamp, UserId};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::rules::ClaimNames;

use crate::codes;
use crate::problem::Problem;
use crate::scope::Scopes;

/// The claim that names the API key a token was made from.
pub(super) const API_KEY: &str = "postrider_key";

/// A verified client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    pub tenant: TenantId,
    pub user: UserId,
    pub scopes: Scopes,
    pub expires_at: Timestamp,
    /// The API key the token was made from.
    pub api_key: Option<Uuid>,
}

/// Why a token does not count. Never contains the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenRefused {
    /// The token itself is wrong; the reason is for our log.
    #[error("the token is refused: {0}")]
    Invalid(&'static str),
    /// The token was good once: who sent it is known, and needs a new one.
    #[error("the token is refused: it has expired")]
    Expired(Box<ClientIdentity>),
    /// The keys cannot be had now, so nothing can be said about the token.
    #[error("the keys to check tokens with cannot be fetched")]
    KeysUnavailable,
}

/// To the client every wrong token looks the same.
impl From<TokenRefused> for Problem {
    fn from(refused: TokenRefused) -> Self {
        match refused {
            TokenRefused::Invalid(reason) => {
                tracing::info!(reason, "a client token was refused");
                Self::unauthorized()
            }
            TokenRefused::Expired(_) => {
                tracing::info!(reason = "it has expired", "a client token was refused");
                Self::unauthorized()
            }
            TokenRefused::KeysUnavailable => {
                let after = Duration::from_secs(5);
                Self::unavailable(codes::UNAVAILABLE, after, "Tokens cannot be checked at the moment.")
            }
        }
    }
}

/// The JWT's payload; members we do not know are none of our business.
pub(super) type Payload = Map<String, Value>;

/// What a payload says about who and until when.
pub(super) struct Said {
    pub identity: ClientIdentity,
    pub not_before: Option<Timestamp>,
}

impl Said {
    /// Reads a payload by the claims' names.
    pub fn read(payload: &Payload, names: &ClaimNames) -> Result<Self, &'static str> {
        let text = |name: &str| claim(payload, name).and_then(Value::as_str);
        let user =
            text(&names.user).and_then(|user| UserId::parse(user).ok()).ok_or("it names no user, or none of ours")?;
        let tenant = text(&names.tenant).and_then(|tenant| TenantId::parse(tenant).ok());
        let tenant = tenant.ok_or("it names no tenant, or none of ours")?;
        let expires_at = claim(payload, "exp").and_then(instant).ok_or("its exp is missing or no time")?;
        let not_before = claim(payload, "nbf").map(|nbf| instant(nbf).ok_or("its nbf is no time")).transpose()?;
        let scopes = scopes(claim(payload, &names.scope))?;
        let api_key = text(API_KEY).and_then(|key| key.parse().ok());
        Ok(Self { identity: ClientIdentity { tenant, user, scopes, expires_at, api_key }, not_before })
    }
}

/// A claim by its name. A name with dots may be one member (`https://example.com/tenant`) or lead into objects
/// (`realm_access.roles`). `null` is no claim.
fn claim<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let inside = |(dot, _): (usize, &str)| claim(claims.get(name.get(..dot)?)?.as_object()?, name.get(dot + 1..)?);
    claims.get(name).or_else(|| name.match_indices('.').find_map(inside)).filter(|value| !value.is_null())
}

/// RFC 7519 §2, NumericDate: seconds, and some issuers write fractions of them.
fn instant(value: &Value) -> Option<Timestamp> {
    match value.as_i64() {
        Some(seconds) => DateTime::from_timestamp(seconds, 0),
        None => {
            let seconds = Duration::try_from_secs_f64(value.as_f64()?).ok()?;
            DateTime::UNIX_EPOCH.checked_add_signed(TimeDelta::from_std(seconds).ok()?)
        }
    }
}

/// Scopes as a text with spaces or as a list. A token that names none of ours is not about us: it may read and write,
/// as one without the claim.
fn scopes(value: Option<&Value>) -> Result<Scopes, &'static str> {
    const WRONG: &str = "its scopes are neither a text nor a list of texts";
    let words = match value {
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.ok_or(WRONG)?.join(" ")
        }
        Some(_) => return Err(WRONG),
    };
    let ours = Scopes::parse(&words);
    Ok(if ours.is_empty() { Scopes::read_write() } else { ours })
}
