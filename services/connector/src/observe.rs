//! Internal occurrences: one function each, which logs and counts. Addresses and tokens are never logged.

use postrider_domain::{ConnectorId, ReauthReason, UserId};
use uuid::Uuid;

use crate::metrics::Metrics;
use crate::store::connect_links::Link;

/// An account was connected, or connected again.
pub fn connected(metrics: &Metrics, connector: ConnectorId, created: bool) {
    let kind = if created { "new" } else { "again" };
    metrics.connected.with_label_values(&[kind]).inc();
    tracing::info!(connector.id = %connector, kind, "connected account {connector}");
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

/// What happened to a connect link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkEvent {
    Made,
    /// Its button was pressed.
    Opened,
    /// Another account than its own was brought.
    Refused,
    Revoked,
}

/// A connect link was made, opened, taken back, or brought the wrong account. Its row says for whom.
pub fn link(metrics: &Metrics, event: LinkEvent, link: &Link) {
    let word = match event {
        LinkEvent::Made => "made",
        LinkEvent::Opened => "opened",
        LinkEvent::Refused => "refused",
        LinkEvent::Revoked => "revoked",
    };
    metrics.connect_links.with_label_values(&[word]).inc();
    let asked_by = link.asked_by.as_ref().map_or("the service", UserId::as_str);
    tracing::info!(link.id = %link.id, tenant = %link.tenant, user = %link.user_id, asked_by, event = word, "connect link {}: {word}", link.id);
}

/// An account was connected by a link.
pub fn link_used(metrics: &Metrics, link: Uuid, connector: ConnectorId) {
    metrics.connect_links.with_label_values(&["used"]).inc();
    tracing::info!(link.id = %link, connector.id = %connector, event = "used", "connect link {link}: used");
}

/// Google answered a refresh.
pub fn refreshed(metrics: &Metrics, result: &str) {
    metrics.refreshes.with_label_values(&[result]).inc();
    tracing::debug!(result, "refreshed an access token");
}

/// A lease waits because another replica asks Google already.
pub fn refresh_waited(metrics: &Metrics) {
    metrics.refresh_waits.inc();
}

/// A lease was asked for.
pub fn leased(metrics: &Metrics, result: &str) {
    metrics.leases.with_label_values(&[result]).inc();
}

/// A connector needs a new consent.
pub fn reauth_required(metrics: &Metrics, connector: ConnectorId, reason: ReauthReason) {
    metrics.reauth_required.with_label_values(&[reason.as_str()]).inc();
    tracing::warn!(connector.id = %connector, %reason, "account {connector} needs a new consent");
}

/// Google answered watch.
pub fn watch_called(metrics: &Metrics, result: &str) {
    metrics.watch_calls.with_label_values(&[result]).inc();
}

/// A watch ran out unrenewed.
pub fn watch_lapsed(metrics: &Metrics, account: Uuid) {
    metrics.watches_lapsed.inc();
    tracing::error!(account.id = %account, "the watch of account {account} lapsed: pushes stopped, polling goes on");
}

/// A watch runs and its own push did not come.
pub fn watch_silent(metrics: &Metrics, account: Uuid) {
    metrics.watches_silent.inc();
    tracing::error!(
        account.id = %account,
        "the watch of account {account} is silent: Google was asked to watch and its push did not come; polling goes on. \
         Look at the topic's subscription, its permission for Gmail, and the intake"
    );
}

/// A grant was given back, or could not be.
pub fn grant_ended(metrics: &Metrics, result: &str) {
    metrics.grants_ended.with_label_values(&[result]).inc();
}

/// Pushes were seen for so many accounts.
pub fn accounts_heard(metrics: &Metrics, count: usize) {
    metrics.accounts_heard.inc_by(u64::try_from(count).unwrap_or(0));
}
