//! What can go wrong at the OAuth endpoints, by what helps. No variant holds a code, a token or Google's prose.

use crate::oidc::TokenRefusal;

/// A failed exchange, refresh or revocation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OAuthError {
    /// The code or refresh token is no longer good, for any of the reasons Google does not tell apart. Terminal: only
    /// a new consent helps.
    #[error("Google no longer accepts the grant")]
    InvalidGrant,
    /// An administrator's policy, or the user, refuses this application. Terminal like [`Self::InvalidGrant`].
    #[error("access is refused ({code})")]
    Denied { code: String },
    /// Our client id, secret or scopes are wrong: an operator must act, the account is fine.
    #[error("the OAuth client is misconfigured ({code}): check GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET")]
    Misconfigured { code: String },
    /// The request does not fit the code or token in it: a code of another redirect URI, a member that is missing or
    /// malformed. The mistake of whoever brought the code; where nobody brought anything, ours.
    #[error("the request does not fit the code ({code}): exchange it with the redirect URI it was asked for with")]
    Unfit { code: String },
    /// Network, deadline, 429, 5xx, unreadable answer. Try again later; the grant is as it was.
    #[error("Google's OAuth endpoint cannot be used at the moment: {reason}")]
    Transient { reason: String },
    /// The id_token of the answer is not Google's, or not for us.
    #[error("the id_token is not acceptable: {0}")]
    IdToken(TokenRefusal),
}

impl OAuthError {
    /// Whether the account needs a new consent.
    pub fn needs_consent(&self) -> bool {
        matches!(self, Self::InvalidGrant | Self::Denied { .. })
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }

    /// Sorts an error code of RFC 6749 §5.2 or of Google's own.
    pub(super) fn of_code(code: &str) -> Self {
        // Codes are short ASCII words; anything else is not repeated.
        let sane = !code.is_empty() && code.len() <= 64 && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let code = if sane { code } else { "unknown" }.to_owned();
        match code.as_str() {
            "invalid_grant" => Self::InvalidGrant,
            "access_denied" | "admin_policy_enforced" | "org_internal" | "account_disabled" | "consent_required" => {
                Self::Denied { code }
            }
            "internal_failure" | "server_error" | "temporarily_unavailable" | "rate_limit_exceeded" | "slow_down" => {
                Self::Transient { reason: code }
            }
            "redirect_uri_mismatch" | "invalid_request" => Self::Unfit { code },
            _ => Self::Misconfigured { code },
        }
    }
}

impl From<TokenRefusal> for OAuthError {
    fn from(refusal: TokenRefusal) -> Self {
        match refusal {
            TokenRefusal::KeysUnavailable => Self::Transient { reason: refusal.to_string() },
            other => Self::IdToken(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sorted_by_what_helps() {
        assert_eq!(OAuthError::of_code("invalid_grant"), OAuthError::InvalidGrant);
        assert!(OAuthError::of_code("admin_policy_enforced").needs_consent());
        for ours in ["invalid_client", "unauthorized_client", "invalid_scope"] {
            assert!(matches!(OAuthError::of_code(ours), OAuthError::Misconfigured { .. }), "{ours}");
        }
        for callers in ["redirect_uri_mismatch", "invalid_request"] {
            assert_eq!(OAuthError::of_code(callers), OAuthError::Unfit { code: callers.to_owned() });
        }
        assert!(OAuthError::of_code("internal_failure").is_transient());
        assert_eq!(OAuthError::of_code("a b\n1//secret"), OAuthError::Misconfigured { code: "unknown".to_owned() });
    }
}
