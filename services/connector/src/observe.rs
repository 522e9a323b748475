//! Internal occurrences: one function each, which logs and counts. Addresses and tokens are never logged.

use postrider_domain::ConnectorId;
use uuid::Uuid;

use crate::acts::connect::Connected;
use crate::state::State;

/// An account was connected, or connected again.
pub fn connected(state: &State, connected: &Connected) {
    let kind = if connected.created { "new" } else { "again" };
    state.metrics.connected.with_label_values(&[kind]).inc();
    tracing::info!(connector.id = %connected.connector, kind, "connected account {}", connected.connector);
}

/// Google says that a code was asked for with another redirect URI than it is exchanged with, or calls the request
/// malformed. Whoever brought the code made the mistake, so nobody has to act unless every consent ends like this.
pub fn code_unfit(code: &str) {
    tracing::warn!(
        code,
        "Google refuses a code for how it is exchanged; if every consent ends so, compare GOOGLE_REDIRECT_URI with the \
         redirect URIs of the OAuth client"
    );
}

/// Google answered a refresh.
pub fn refreshed(state: &State, result: &str) {
    state.metrics.refreshes.with_label_values(&[result]).inc();
    tracing::debug!(result, "refreshed an access token");
}

/// A lease waits because another replica asks Google already.
pub fn refresh_waited(state: &State) {
    state.metrics.refresh_waits.inc();
}

/// A lease was asked for.
pub fn leased(state: &State, result: &str) {
    state.metrics.leases.with_label_values(&[result]).inc();
}

/// A connector needs a new consent.
pub fn reauth_required(state: &State, connector: ConnectorId, reason: &str) {
    state.metrics.reauth_required.with_label_values(&[reason]).inc();
    tracing::warn!(connector.id = %connector, reason, "account {connector} needs a new consent");
}

/// Google answered watch.
pub fn watch_called(state: &State, result: &str) {
    state.metrics.watch_calls.with_label_values(&[result]).inc();
}

/// A watch ran out unrenewed.
pub fn watch_lapsed(state: &State, account: Uuid) {
    state.metrics.watches_lapsed.inc();
    tracing::error!(account.id = %account, "the watch of account {account} lapsed: pushes stopped, polling goes on");
}

/// A grant was given back, or could not be.
pub fn grant_ended(state: &State, result: &str) {
    state.metrics.grants_ended.with_label_values(&[result]).inc();
}
