//! Who a socket belongs to. The verified token says it; what a client claims besides may only agree.

use std::sync::Arc;

use async_trait::async_trait;
use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
use postrider_web::Scope;
use postrider_web::client_tokens::{ClientTokens, TokenRefused};

use super::protocol::handshake::Credentials;
use super::protocol::problem::SocketProblem;

/// What a verified client token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOwner {
    pub tenant: TenantId,
    pub user: UserId,
    pub expires_at: Timestamp,
    pub may_read: bool,
    pub may_write: bool,
}

impl TokenOwner {
    /// Whether both tokens are of one user.
    pub fn is_same(&self, other: &Self) -> bool {
        self.tenant == other.tenant && self.user == other.user
    }
}

/// Verifies clients' tokens (signature, algorithm, expiry, issuer, audience).
#[async_trait]
pub trait TokenVerifier: Send + Sync + 'static {
    /// The owner; `unauthorized` for any token that is not good (the reason stays in the log), `unavailable` when that
    /// cannot be told now.
    async fn verify(&self, token: &str) -> Result<TokenOwner, SocketProblem>;
}

#[async_trait]
impl TokenVerifier for ClientTokens {
    async fn verify(&self, token: &str) -> Result<TokenOwner, SocketProblem> {
        match Self::verify(self, token).await {
            Ok(client) => Ok(TokenOwner {
                may_read: client.scopes.allows(Scope::Read),
                may_write: client.scopes.allows(Scope::Write),
                tenant: client.tenant,
                user: client.user,
                expires_at: client.expires_at,
            }),
            Err(TokenRefused::Invalid(reason)) => {
                tracing::info!(reason, "a socket's token was refused");
                Err(SocketProblem::UNAUTHORIZED)
            }
            Err(TokenRefused::Expired(_)) => {
                tracing::info!(reason = "it has expired", "a socket's token was refused");
                Err(SocketProblem::UNAUTHORIZED)
            }
            Err(TokenRefused::KeysUnavailable) => Err(SocketProblem::UNAVAILABLE),
        }
    }
}

/// An authenticated socket's owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub owner: TokenOwner,
    /// The one account the client wants to hear of.
    pub account: Option<ConnectorId>,
}

/// Verifies the token and holds the client's claims against it. Whether the account is the user's is checked later,
/// against the projection.
pub async fn identify(verifier: &Arc<dyn TokenVerifier>, given: &Credentials) -> Result<Identity, SocketProblem> {
    let owner = verifier.verify(&given.token).await?;
    if !owner.may_read {
        return Err(SocketProblem::SCOPE_MISSING);
    }
    let differs = |claimed: &Option<String>, real: &str| claimed.as_deref().is_some_and(|claimed| claimed != real);
    if differs(&given.user_id, owner.user.as_str()) || differs(&given.tenant_id, owner.tenant.as_str()) {
        return Err(SocketProblem::IDENTITY_MISMATCH);
    }
    let account = given.account()?;
    Ok(Identity { owner, account })
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Always(TokenOwner);

    #[async_trait]
    impl TokenVerifier for Always {
        async fn verify(&self, token: &str) -> Result<TokenOwner, SocketProblem> {
            if token == "good" { Ok(self.0.clone()) } else { Err(SocketProblem::UNAUTHORIZED) }
        }
    }

    fn owner() -> TokenOwner {
        TokenOwner {
            tenant: TenantId::parse("t1").unwrap(),
            user: UserId::parse("u1").unwrap(),
            expires_at: Timestamp::default(),
            may_read: true,
            may_write: true,
        }
    }

    async fn given(token: &str, user: Option<&str>, tenant: Option<&str>, account: Option<&str>) -> String {
        let verifier: Arc<dyn TokenVerifier> = Arc::new(Always(owner()));
        let own = |text: Option<&str>| text.map(str::to_owned);
        let credentials = Credentials {
            token: token.to_owned(),
            user_id: own(user),
            tenant_id: own(tenant),
            account_id: own(account),
        };
        match identify(&verifier, &credentials).await {
            Ok(_) => "ok".to_owned(),
            Err(problem) => problem.code.to_owned(),
        }
    }

    #[tokio::test]
    async fn claims_beside_the_token_may_only_agree() {
        assert_eq!(given("good", None, None, None).await, "ok");
        assert_eq!(given("good", Some("u1"), Some("t1"), None).await, "ok");
        assert_eq!(given("bad", Some("u1"), Some("t1"), None).await, "unauthorized");
        assert_eq!(given("good", Some("u2"), None, None).await, "identity_mismatch");
        assert_eq!(given("good", None, Some("t2"), None).await, "identity_mismatch");
        assert_eq!(given("good", None, None, Some("not-an-id")).await, "identity_mismatch");
    }
}
