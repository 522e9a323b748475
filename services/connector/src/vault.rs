//! The keys that seal tokens. Nothing else in the workspace holds them (law 6).

use std::sync::Arc;

use postrider_domain::Secret;
use postrider_google_auth::seal::{OpenError, Sealer};
use postrider_runtime::ConfigErrors;
use postrider_runtime::config::Env;

/// A sealed text that cannot be opened: the key it was sealed with is gone from `ENCRYPTION_KEYS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a stored credential does not open: {0}")]
pub struct SealError(#[from] OpenError);

/// Seals and opens tokens. Clones share the keys.
#[derive(Debug, Clone)]
pub struct Vault(Arc<Sealer>);

impl Vault {
    /// Reads `ENCRYPTION_KEYS`.
    ///
    /// # Errors
    /// Not set or malformed.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        const NAME: &str = "ENCRYPTION_KEYS";
        let keys = env.secret(NAME)?;
        let sealer = Sealer::parse(&keys).map_err(|error| env.malformed(NAME, &error.to_string()))?;
        Ok(Self(Arc::new(sealer)))
    }

    /// Seals with the newest key.
    pub fn seal(&self, secret: &Secret) -> String {
        self.0.seal(secret)
    }

    /// Opens with whichever key fits.
    ///
    /// # Errors
    /// No key fits, or the text was altered.
    pub fn open(&self, sealed: &str) -> Result<Secret, SealError> {
        Ok(self.0.open(sealed)?.secret)
    }

    /// The same secret sealed with the newest key; nothing if that had sealed it.
    ///
    /// # Errors
    /// No key fits, or the text was altered.
    pub fn seal_again(&self, sealed: &str) -> Result<Option<String>, SealError> {
        let opened = self.0.open(sealed)?;
        Ok((!opened.by_newest).then(|| self.seal(&opened.secret)))
    }
}
