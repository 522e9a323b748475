//! What happened to a request or a tunnel: one function each, which logs and counts. Tokens, queries and addresses of
//! clients are never logged.

use std::fmt::Display;

use crate::error::Error;
use crate::metrics::Metrics;
use crate::rules::identity::Identity;
use crate::tunnel::Most;

/// The process may not open as many files as the tunnels would take that settings allow.
pub fn fewer_tunnels(wanted: Most, most: Most) {
    let (wanted, most) = (wanted.all.get(), most.all.get());
    tracing::info!(
        wanted,
        most,
        "the limit of open files is enough for {most} tunnels, not for SOCKETIO_TUNNELS={wanted}: raise the hard limit \
         (LimitNOFILE, ulimit -Hn), two files a tunnel, for more"
    );
}

/// A request ends here.
pub fn refused(metrics: &Metrics, error: &Error) {
    if let Some(reason) = error.reason() {
        metrics.refused.with_label_values(&[reason]).inc();
    }
    match error {
        Error::Unproven => tracing::info!("a push without a token or channel was refused: its subscription sends none"),
        Error::ClockDrift(service, detail) => {
            tracing::error!(service, "{service} refused the gateway's token: {detail}")
        }
        Error::NoKey(_) | Error::OwnToken(_) => tracing::error!(error = %error, "{error}: check INTERNAL_KEYS"),
        _ => {}
    }
}

/// A service could not be asked.
pub fn unreachable(metrics: &Metrics, service: &str, reason: &str, cause: &dyn Display) {
    metrics.unreachable.with_label_values(&[service, reason]).inc();
    tracing::warn!(service, reason, error = %cause, "{service} could not be asked");
}

/// An answer broke after its head was passed on.
pub fn answer_broke(cause: &dyn Display) {
    tracing::warn!(error = %cause, "an answer broke on its way");
}

/// A tenant's administrator asks in the name of one of its users.
pub fn acts_for(identity: &Identity, route: &str) {
    let (tenant, actor, user) = (identity.tenant.as_str(), identity.actor.as_str(), identity.user.as_str());
    tracing::info!(tenant, actor, user, route, "an administrator acts for a user");
}

/// A write was carried out, and its answer cannot be given again: a repeat goes on once more, under the same id.
pub fn answer_not_kept(error: &dyn Display) {
    tracing::warn!(error = %error, "the answer of a write under an Idempotency-Key could not be kept");
}

/// Budgets that are full again were forgotten; so many are left.
pub fn budgets_kept(metrics: &Metrics, count: usize) {
    metrics.budgets.set(i64::try_from(count).unwrap_or(i64::MAX));
}
