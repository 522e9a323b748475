//! Who asks Google: the operator by `gcloud`, a token on standard input, a service account by its key or its machine.

use std::io::Read as _;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use postrider_domain::{Secret, SystemClock};
use postrider_google_auth::service_account::{Identity, KeyFile, METADATA_URL, PUBSUB_SCOPE, ServiceAccountTokens};
use tokio::process::Command;

/// How long gcloud may take: it may refresh its token first.
const PATIENCE: Duration = Duration::from_secs(30);

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
    token_of_program("gcloud", PATIENCE).await
}

async fn token_of_program(program: &str, patience: Duration) -> Result<Access> {
    // Its questions would not be seen: it is to fail instead of waiting for an answer.
    let mut command = Command::new(program);
    command.args(["auth", "print-access-token", "--quiet"]).stdin(Stdio::null()).kill_on_drop(true);
    let asked = tokio::time::timeout(patience, command.output()).await;
    let asked = asked.context("gcloud does not answer: try `gcloud auth print-access-token` by itself")?;
    let answer = asked.context(
        "gcloud cannot be run. Install it and `gcloud auth login`, or name a service account's key file with --credentials",
    )?;
    if !answer.status.success() {
        bail!("gcloud has no token for us: {}", String::from_utf8_lossy(&answer.stderr).trim());
    }
    Access::token_of(&String::from_utf8_lossy(&answer.stdout))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::stand_in::stand_in;

    #[tokio::test]
    async fn a_program_that_waits_for_somebody_is_not_waited_for_and_a_token_is_not_shown() {
        let dir = tempfile::tempdir().unwrap();
        let program = |name: &str, does: &str| stand_in(dir.path(), name, does);
        let long = Duration::from_secs(20);
        // Whoever reads the end of its input at once goes on at once.
        let access = token_of_program(&program("good", "cat; echo ya29.hunter2"), long).await.unwrap();
        assert_eq!(access.token().await.unwrap().expose(), "ya29.hunter2");
        assert!(!format!("{access:?}").contains("hunter2"));
        let told = async |path: &str, patience| token_of_program(path, patience).await.unwrap_err().to_string();
        assert!(told(&program("hangs", "sleep 60"), Duration::from_millis(200)).await.contains("does not answer"));
        assert!(told(&program("fails", "echo log in first >&2; exit 1"), long).await.contains("log in first"));
        assert!(told("/nowhere/gcloud", long).await.contains("--credentials"));
    }
}
