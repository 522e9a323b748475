//! Who a caller is. The verified token decides (law 5); `X-Tenant-ID` and `X-User-ID` may only repeat it, with one
//! exception: `tenant:admin` may act as any user of its own tenant.

use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_web::client_tokens::ClientIdentity;
use postrider_web::{Scope, Scopes};
use uuid::Uuid;

/// Whom a request acts for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub tenant: TenantId,
    /// The user whose data is asked for.
    pub user: UserId,
    pub scopes: Scopes,
    /// Whose token it is; differs from `user` only for a tenant administrator.
    pub actor: UserId,
    /// The API key that was borne in place of a token, or that the token was made from.
    pub api_key: Option<Uuid>,
    /// It was borne itself, and ends then.
    pub bears_key: bool,
    pub key_ends: Option<Timestamp>,
}

/// A header that claims more than the token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    #[error("X-Tenant-ID must be the tenant of the token")]
    Tenant,
    #[error("X-User-ID must be the user of the token")]
    User,
}

/// Holds the optional headers against the claims. A header that is not a valid id matches nothing.
///
/// # Errors
/// A header claims what the token does not say.
pub fn decide(
    claims: ClientIdentity,
    tenant_header: Option<&str>,
    user_header: Option<&str>,
) -> Result<Identity, Mismatch> {
    if tenant_header.is_some_and(|tenant| tenant != claims.tenant.as_str()) {
        return Err(Mismatch::Tenant);
    }
    let ClientIdentity { tenant, user: actor, scopes, api_key, .. } = claims;
    let user = match user_header {
        Some(user) if user != actor.as_str() => {
            let may = scopes.allows(Scope::TenantAdmin);
            may.then(|| UserId::parse(user).ok()).flatten().ok_or(Mismatch::User)?
        }
        _ => actor.clone(),
    };
    Ok(Identity { tenant, user, scopes, actor, api_key, bears_key: false, key_ends: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(scopes: &str) -> ClientIdentity {
        ClientIdentity {
            tenant: TenantId::parse("acme").unwrap(),
            user: UserId::parse("ann").unwrap(),
            scopes: Scopes::parse(scopes),
            expires_at: Timestamp::default(),
            api_key: None,
        }
    }

    #[test]
    fn absent_or_equal_headers_leave_the_claims() {
        for (tenant, user) in [(None, None), (Some("acme"), Some("ann")), (None, Some("ann"))] {
            let identity = decide(claims("read"), tenant, user).unwrap();
            assert_eq!((identity.tenant.as_str(), identity.user.as_str()), ("acme", "ann"));
        }
    }

    #[test]
    fn other_values_are_refused() {
        assert_eq!(decide(claims(""), Some("other"), None), Err(Mismatch::Tenant));
        assert_eq!(decide(claims("admin"), None, Some("bob")), Err(Mismatch::User));
        assert_eq!(decide(claims(""), Some(""), Some("")), Err(Mismatch::Tenant));
        assert_eq!(decide(claims(""), Some("ACME"), None), Err(Mismatch::Tenant));
    }

    #[test]
    fn a_tenant_administrator_acts_for_any_user_of_its_own_tenant_only() {
        let identity = decide(claims("tenant:admin"), None, Some("bob")).unwrap();
        assert_eq!((identity.user.as_str(), identity.actor.as_str()), ("bob", "ann"));
        assert_eq!(decide(claims("tenant:admin"), Some("other"), Some("bob")), Err(Mismatch::Tenant));
        assert_eq!(decide(claims("tenant:admin"), None, Some("")), Err(Mismatch::User));
    }
}
