//! The keys that seal endpoints' secrets. Without any, no endpoint can be made.

use std::sync::Arc;

use postrider_domain::Timestamp;
use postrider_google_auth::seal::Sealer;
use postrider_runtime::ConfigErrors;
use postrider_runtime::config::Env;

use crate::channels::webhook::WebhookSecret;
use crate::store::endpoints::Endpoint;

/// Seals and opens. Clones share the keys.
#[derive(Debug, Clone)]
pub struct WebhookKeys(Option<Arc<Sealer>>);

impl WebhookKeys {
    /// Reads `NOTIFICATION_ENCRYPTION_KEYS`.
    ///
    /// # Errors
    /// Malformed.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        const NAME: &str = "NOTIFICATION_ENCRYPTION_KEYS";
        let keys = env.optional_secret(NAME)?;
        let sealer = keys.map(|keys| Sealer::parse(&keys)).transpose();
        Ok(Self(sealer.map_err(|error| env.malformed(NAME, &error.to_string()))?.map(Arc::new)))
    }

    /// Whether there are any.
    pub fn are_there(&self) -> bool {
        self.0.is_some()
    }

    /// Seals a secret; nothing without keys.
    pub fn seal(&self, secret: &WebhookSecret) -> Option<String> {
        self.0.as_ref().map(|sealer| sealer.seal(secret.text()))
    }

    /// Opens what was sealed; nothing if it does not open any more.
    pub fn open(&self, sealed: &str) -> Option<WebhookSecret> {
        Some(WebhookSecret::known(self.0.as_ref()?.open(sealed).ok()?.secret))
    }

    /// What an endpoint's messages are signed with now; nothing if its secret does not open.
    pub fn of(&self, endpoint: &Endpoint, now: Timestamp) -> Option<Vec<WebhookSecret>> {
        let former = endpoint.old_secret_until.is_some_and(|until| now < until);
        let former = endpoint.old_secret_sealed.as_deref().filter(|_| former);
        let mut secrets = vec![self.open(&endpoint.secret_sealed)?];
        secrets.extend(former.and_then(|sealed| self.open(sealed)));
        Some(secrets)
    }
}
