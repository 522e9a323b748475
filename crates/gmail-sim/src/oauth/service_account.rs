//! The project's service account: its key file, and tokens for whoever holds its key or runs on the project's machines.
//!
//! Source: <https://developers.google.com/identity/protocols/oauth2/service-account>.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::TimeDelta;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use postrider_domain::Timestamp;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use serde::Deserialize;
use serde_json::{Value, json};

use super::keys::{KeyError, private_key};
use super::{Access, OAuth, OAuthError};

/// Its address.
pub const EMAIL: &str = "postrider@sim-project.iam.gserviceaccount.com";
/// Keys of service accounts come from other seeds than those that sign Google's tokens.
const SEEDS: u64 = 0x5e71_ce00_0000_0000;

/// The account's key.
struct Key {
    private: String,
    public: DecodingKey,
    id: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    scope: String,
    aud: String,
    iat: i64,
    exp: i64,
}

/// The key of a seed, made once a process.
fn key(seed: u64) -> Result<Arc<Key>, KeyError> {
    static MADE: OnceLock<Mutex<BTreeMap<u64, Arc<Key>>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(key) = made.get(&seed) {
        return Ok(key.clone());
    }
    let private = private_key(seed ^ SEEDS)?;
    let public = private.to_public_key().to_public_key_pem(LineEnding::LF).map_err(rsa::pkcs8::Error::from)?;
    let key = Arc::new(Key {
        private: private.to_pkcs8_pem(LineEnding::LF)?.to_string(),
        public: DecodingKey::from_rsa_pem(public.as_bytes())?,
        id: format!("simkey{seed:016x}"),
    });
    made.insert(seed, key.clone());
    Ok(key)
}

/// The account's key file, as the console makes it.
pub fn key_file(seed: u64, token_uri: &str) -> Result<Value, KeyError> {
    let key = key(seed)?;
    Ok(json!({
        "type": "service_account",
        "project_id": "sim-project",
        "private_key_id": key.id,
        "private_key": key.private,
        "client_email": EMAIL,
        "client_id": "110000000000000000000",
        "token_uri": token_uri,
    }))
}

const REFUSED: OAuthError =
    OAuthError { status: 400, error: "invalid_grant", error_description: "Invalid JWT Signature." };

impl OAuth {
    /// A token for a signed assertion: its signature, its times and its audience must be right.
    pub fn service_token(&self, seed: u64, assertion: &str, now: Timestamp) -> Result<String, OAuthError> {
        let key = key(seed).map_err(|_no_key| REFUSED)?;
        let mut rules = Validation::new(Algorithm::RS256);
        // By the simulator's clock, below.
        rules.validate_exp = false;
        rules.validate_aud = false;
        let read = jsonwebtoken::decode::<Claims>(assertion, &key.public, &rules);
        let claims = read.map_err(|_bad| REFUSED)?.claims;
        let now_seconds = now.timestamp();
        let timely = claims.iat <= now_seconds + 60 && claims.exp > now_seconds && claims.exp - claims.iat <= 3_600;
        if claims.iss != EMAIL || !claims.aud.ends_with("/token") || !timely {
            return Err(OAuthError { error_description: "Invalid JWT.", ..REFUSED });
        }
        Ok(self.issue_service(&claims.scope, now))
    }

    /// A token for one of the project's own machines.
    pub fn issue_service(&self, scope: &str, now: Timestamp) -> String {
        let scopes: Arc<[String]> = scope.split([' ', ',']).map(str::to_owned).collect();
        let mut state = self.state();
        let life = TimeDelta::seconds(state.config.access_seconds);
        let token = state.secret("ya29.c.");
        drop(state);
        self.remember(&token, Access { address: EMAIL.to_owned(), scopes, expires: now + life });
        token
    }
}
