//! Who asks Google: the operator by `gcloud`, a token on standard input, a service account by its key or its machine.

use std::io::Read as _;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use postrider_domain::{Secret, SystemClock};
use postrider_google_auth::service_account::{Identity, KeyFile, METADATA_URL, PUBSUB_SCOPE, ServiceAccountTokens};
use tokio::process::Command;

/// Gives tokens for Pub/Sub.
#[derive(Debug)]
pub enum Access {
    /// One that somebody else fetched.
    Token(Secret),
    Account(ServiceAccountTokens),
}

impl Access {
    /// By a word of the command line: `gcloud`, `-`, `metadata`, or the path of a key file.
    ///
    /// # Errors
    /// There is no such program, file or token.
    pub async fn named(word: &str) -> Result<Self> {
        match word {
            "gcloud" => by_gcloud().await,
            "-" => {
                let mut text = String::new();
                std::io::stdin().read_to_string(&mut text).context("no access token on standard input")?;
                Self::token_of(&text)
            }
            "metadata" => Self::account(Identity::Machine(METADATA_URL.parse()?)),
            path => {
                let text = std::fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
                let key = KeyFile::parse(&Secret::new(text)).with_context(|| format!("{path} cannot be used"))?;
                Self::account(Identity::Key(Arc::new(key)))
            }
        }
    }

    /// A token that works now.
    ///
    /// # Errors
    /// Google refuses the account, or does not answer.
    pub async fn token(&self) -> Result<Secret> {
        match self {
            Self::Token(token) => Ok(token.clone()),
            Self::Account(tokens) => Ok(tokens.token().await?),
        }
    }

    fn account(identity: Identity) -> Result<Self> {
        Ok(Self::Account(ServiceAccountTokens::new(identity, PUBSUB_SCOPE, Arc::new(SystemClock))?))
    }

    fn token_of(text: &str) -> Result<Self> {
        match text.trim() {
            "" => bail!("the access token is empty"),
            token => Ok(Self::Token(Secret::new(token))),
        }
    }
}

async fn by_gcloud() -> Result<Access> {
    let asked = Command::new("gcloud").args(["auth", "print-access-token"]).output().await;
    let answer = asked.context(
        "gcloud cannot be run. Install it and `gcloud auth login`, or name a service account's key file with --credentials",
    )?;
    if !answer.status.success() {
        bail!("gcloud has no token for us: {}", String::from_utf8_lossy(&answer.stderr).trim());
    }
    Access::token_of(&String::from_utf8_lossy(&answer.stdout))
}
