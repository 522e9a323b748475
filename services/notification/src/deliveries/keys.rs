//! The keys that seal endpoints' secrets. Without any, no endpoint can be made.

use std::sync::Arc;

use postrider_domain::{Secret, Timestamp};
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

    /// What an endpoint's messages are signed with now; nothing if its secret does not open.
    pub fn of(&self, endpoint: &Endpoint, now: Timestamp) -> Option<Vec<WebhookSecret>> {
        let former = endpoint.old_secret_until.is_some_and(|until| now < until);
        let former = endpoint.old_secret_sealed.as_deref().filter(|_| former);
        let open = |sealed: &str| -> Option<Secret> { Some(self.0.as_ref()?.open(sealed).ok()?.secret) };
        let mut secrets = vec![WebhookSecret::known(open(&endpoint.secret_sealed)?)];
        secrets.extend(former.and_then(open).map(WebhookSecret::known));
        Some(secrets)
    }
}
