//! What every call has in common: a token, a deadline, one more try with a newer token after a 401, a metric.

use std::time::Duration;

use futures_util::future::BoxFuture;
use google_gmail1::Gmail;
use postrider_domain::Secret;

use super::GmailClient;
use crate::quota::Method;
use crate::transport::Connector;
use crate::{AccessToken, GmailError};

/// How we introduce ourselves to Google.
pub(crate) const USER_AGENT_NAME: &str = concat!("postrider/", env!("CARGO_PKG_VERSION"));

/// How long an attempt may take.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deadline {
    /// All of it.
    Whole(Duration),
    /// It keeps one itself, because it waits for more than Gmail.
    Own,
}

impl GmailClient {
    /// Makes a call with a token, and once more with a newer one if Google refuses the first.
    pub(super) async fn call<'a, T: Send>(
        &'a self,
        method: Method,
        deadline: Deadline,
        attempt: impl Fn(Secret) -> BoxFuture<'a, Result<T, GmailError>> + Send + Sync,
    ) -> Result<T, GmailError> {
        let token = self.tokens.token(None).await?;
        match self.timed(method, deadline, attempt(token.secret)).await {
            Err(GmailError::Auth) => {
                let AccessToken { secret, .. } = self.tokens.token(Some(token.version)).await?;
                self.timed(method, deadline, attempt(secret)).await
            }
            result => result,
        }
    }

    async fn timed<T: Send>(
        &self,
        method: Method,
        deadline: Deadline,
        attempt: BoxFuture<'_, Result<T, GmailError>>,
    ) -> Result<T, GmailError> {
        let begun = tokio::time::Instant::now();
        let result = match deadline {
            Deadline::Whole(deadline) => tokio::time::timeout(deadline, attempt)
                .await
                .unwrap_or_else(|_elapsed| Err(GmailError::transient("no answer in time"))),
            Deadline::Own => attempt.await,
        };
        let error = result.as_ref().err();
        self.transport.metrics.called(method, error, begun.elapsed(), self.transport.clock.now());
        if let Some(error) = error {
            tracing::debug!(connector.id = %self.mailbox, gmail.method = method.as_str(), error = %error, "gmail refused");
        }
        result
    }

    /// A hub for one attempt. It is a handful of strings over the shared client; holding its token itself, it cannot
    /// mix up the versions of two attempts, which one hub with a token source of its own would.
    pub(super) fn hub(&self, token: &Secret) -> Gmail<Connector> {
        let mut hub = Gmail::new(self.http.clone(), token.expose().to_owned());
        hub.base_url(self.transport.root.to_string());
        hub.root_url(self.transport.root.to_string());
        hub.user_agent(USER_AGENT_NAME.to_owned());
        hub
    }
}
