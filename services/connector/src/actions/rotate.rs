//! Sealing what is stored with the newest key, so that older keys can be taken away.
//!
//! Each row is a transaction of its own that locks it, opens what it holds and seals it again; what the newest key sealed
//! already is left alone. So it may run beside replicas, beside itself and again after a kill: it goes on with what is
//! left. Versions do not move: the tokens are the same, and a refresh under way still fits.

mod credentials;
mod endings;
mod kept_codes;
mod progress;
mod states;

use postrider_storage::Db;

pub use self::progress::{Counts, Kind};
use crate::error::Error;
use crate::vault::Vault;

/// Rows looked for at once.
const BATCH: i64 = 256;

/// Where it is done, with which keys, and who is told.
pub struct Rotation<'a> {
    db: &'a Db,
    vault: &'a Vault,
    /// Told after each batch, with the counts of its kind so far.
    tell: &'a (dyn Fn(Kind, Counts) + Send + Sync),
}

impl<'a> Rotation<'a> {
    /// Tells `tell` how it goes.
    pub fn new(db: &'a Db, vault: &'a Vault, tell: &'a (dyn Fn(Kind, Counts) + Send + Sync)) -> Self {
        Self { db, vault, tell }
    }

    /// Goes through everything that is sealed. What no key opens is counted and left as it is.
    ///
    /// # Errors
    /// The database went away; begin again.
    pub async fn run(&self) -> Result<Counts, Error> {
        let mut all = self.credentials().await?;
        all += self.endings().await?;
        all += self.states().await?;
        all += self.kept_codes().await?;
        Ok(all)
    }

    /// What is to be stored instead of a sealed text.
    fn seal_again(&self, sealed: &str) -> Seal {
        match self.vault.seal_again(sealed) {
            Ok(Some(fresh)) => Seal::Fresh(fresh),
            Ok(None) => Seal::Newest,
            Err(_no_key) => Seal::Unopened,
        }
    }
}

/// What a sealed text is found to be.
enum Seal {
    /// To be stored instead.
    Fresh(String),
    /// The newest key sealed it.
    Newest,
    /// No key opens it.
    Unopened,
}

impl Seal {
    /// The text to store: the one that was there, unless it was sealed anew.
    fn or_keep(self, was: String) -> String {
        match self {
            Self::Fresh(fresh) => fresh,
            Self::Newest | Self::Unopened => was,
        }
    }
}
