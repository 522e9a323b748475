//! The key file of a service account, as Google's console makes it.

use std::fmt;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use postrider_domain::{Secret, Timestamp};
use serde::{Deserialize, Serialize};
use url::Url;

/// Google takes an assertion for an hour at most.
const LIFE_SECONDS: i64 = 3_600;

/// Why a key file cannot be used. Never repeats what is in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    #[error("it is not the key file of a service account (JSON with client_email, private_key and token_uri)")]
    Form,
    #[error("its private_key is not an RSA key in PEM")]
    Key,
    #[error("it cannot sign")]
    Sign,
}

/// A service account's key.
pub struct KeyFile {
    client_email: String,
    key_id: Option<String>,
    key: EncodingKey,
    /// Where Google gives tokens for it.
    pub token_uri: Url,
}

#[derive(Deserialize)]
struct Document {
    client_email: String,
    private_key: Secret,
    private_key_id: Option<String>,
    token_uri: Url,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}

impl KeyFile {
    /// Reads the file's text.
    ///
    /// # Errors
    /// It is no key file, or its key is none.
    pub fn parse(text: &Secret) -> Result<Self, KeyFileError> {
        let document: Document = serde_json::from_str(text.expose()).map_err(|_malformed| KeyFileError::Form)?;
        let key = EncodingKey::from_rsa_pem(document.private_key.expose().as_bytes())
            .map_err(|_malformed| KeyFileError::Key)?;
        Ok(Self {
            client_email: document.client_email,
            key_id: document.private_key_id,
            key,
            token_uri: document.token_uri,
        })
    }

    /// A signed word that the account asks for this scope now.
    pub(super) fn assertion(&self, scope: &str, now: Timestamp) -> Result<Secret, KeyFileError> {
        let claims = Claims {
            iss: &self.client_email,
            scope,
            aud: self.token_uri.as_str(),
            iat: now.timestamp(),
            exp: now.timestamp() + LIFE_SECONDS,
        };
        let header = Header { kid: self.key_id.clone(), ..Header::new(Algorithm::RS256) };
        jsonwebtoken::encode(&header, &claims, &self.key).map(Secret::new).map_err(|_key| KeyFileError::Sign)
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("client_email", &self.client_email).finish_non_exhaustive()
    }
}
