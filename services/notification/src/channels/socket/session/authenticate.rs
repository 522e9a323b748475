//! Proving who a socket belongs to.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use tokio::time::Instant;

use super::{Authenticated, End, Session};
use crate::channels::socket::identity::{Identity, identify};
use crate::channels::socket::protocol::handshake::Credentials;
use crate::channels::socket::protocol::problem::SocketProblem;
use crate::store::accounts;

/// How far the issuer's clock may differ.
const SKEW: TimeDelta = TimeDelta::seconds(30);

impl Session {
    /// Proves the socket's owner, or renews the token of a proven one; the owner stays. The client is told of a problem
    /// by the caller, who then asks [`Self::unproven_ends`].
    pub(super) async fn authenticate(&mut self, credentials: &Credentials) -> Result<Result<(), SocketProblem>, End> {
        let identity = match identify(&self.shared.verifier, credentials).await {
            Ok(identity) => self.check_account(identity).await,
            Err(problem) => Err(problem),
        };
        let identity = match (identity, self.identity()) {
            (Err(problem), _) => return Ok(Err(problem)),
            (Ok(new), Some(known)) if !new.owner.is_same(&known.owner) => {
                return Ok(Err(SocketProblem::IDENTITY_MISMATCH));
            }
            (Ok(new), _) => new,
        };
        let answer = json!({
            "userId": identity.owner.user, "accountId": identity.account, "tenantId": identity.owner.tenant,
        });
        let membership = match self.proved.take() {
            Some(proved) => proved.membership,
            None => {
                let (tenant, user, most) =
                    (&identity.owner.tenant, &identity.owner.user, self.shared.settings.per_user);
                let Some(membership) = self.shared.hub.join(tenant, user, most) else {
                    return Ok(Err(SocketProblem::TOO_MANY_SOCKETS));
                };
                self.allowance.share(self.shared.sockets.user_rates.of(tenant, user));
                self.shared.metrics.sockets.inc();
                self.shared.fan_out.enter(tenant).await;
                membership
            }
        };
        let expires = Instant::now() + self.lifetime(&identity);
        self.proved = Some(Authenticated { identity, expires, membership });
        self.emitter.send("authenticated", &answer).await?;
        Ok(Ok(()))
    }

    /// A refused token ends a socket that has not proved itself; one that has keeps what it had.
    pub(super) fn unproven_ends(&self, problem: SocketProblem) -> Result<(), End> {
        // The database being away says nothing about the token: the client may try again.
        let may_stay = self.proved.is_some() || problem == SocketProblem::UNAVAILABLE;
        if may_stay { Ok(()) } else { Err(End::Dismissed) }
    }

    /// How long the token still counts; a far future is cut so that no timer overflows. The verifier allows the
    /// issuer's clock to differ by [`SKEW`], so does this.
    fn lifetime(&self, identity: &Identity) -> Duration {
        let left = identity.owner.expires_at + SKEW - self.shared.seams.clock.now();
        left.clamp(TimeDelta::zero(), TimeDelta::days(365)).to_std().unwrap_or_default()
    }

    /// A narrowing account must be the user's own.
    async fn check_account(&self, identity: Identity) -> Result<Identity, SocketProblem> {
        let Some(account) = identity.account else { return Ok(identity) };
        let found = async {
            let tx = self.shared.db.tenant(&identity.owner.tenant).await?;
            let found = accounts::find(&tx, &identity.owner.tenant, account).await?;
            tx.commit().await?;
            Ok::<_, postrider_storage::Error>(found)
        };
        match found.await {
            Ok(Some(found)) if found.owner == identity.owner.user => Ok(identity),
            Ok(_) => Err(SocketProblem::IDENTITY_MISMATCH),
            Err(error) => {
                tracing::warn!(%error, "an account could not be looked up");
                Err(SocketProblem::UNAVAILABLE)
            }
        }
    }
}
