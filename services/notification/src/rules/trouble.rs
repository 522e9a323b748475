//! Trouble with an account: a lost grant, a quota that runs out.

use postrider_contracts::connector::ConnectorState;
use postrider_contracts::mailbox::QuotaWarning;
use postrider_domain::Timestamp;
use serde_json::json;

use super::account::Account;
use super::decision::{Because, Verdict, against, for_row};
use super::draft::{Draft, members};
use super::kind::Kind;
use super::preferences::Preferences;

/// `connector.reauth_required`: one `error_occurred` for each loss of the grant (the connector's version names it).
pub fn reauth_required(
    connector: &ConnectorState,
    account: &Account,
    preferences: &Preferences,
    event_time: Timestamp,
) -> Verdict {
    let business_key = format!("{}/reauth/{}", account.id, connector.version);
    if !preferences.wants(Kind::ErrorOccurred) {
        return Verdict::Suppress {
            kind: Kind::ErrorOccurred,
            business_key,
            decision: against("type_off", preferences, event_time),
        };
    }
    let message = match connector.reason.as_str() {
        "scope_missing" => "The granted permissions are not enough. Connect the account again to resume syncing.",
        _ => "Google no longer accepts our access. Connect the account again to resume syncing.",
    };
    Verdict::Raise(Box::new(Draft {
        kind: Kind::ErrorOccurred,
        business_key,
        title: format!("{} needs to be connected again", shown(&connector.email_address)),
        message: message.to_owned(),
        sender_email: None,
        sender_name: None,
        folder: None,
        data: json!({ "errorType": "reauth_required", "reason": connector.reason }),
        email_id: None,
        message_id: None,
        silenced: false,
        decisions: for_row(Because("type_on"), None, preferences, event_time),
        event_members: members([("errorType", json!("reauth_required")), ("errorMessage", json!(message))]),
    }))
}

/// `quota.warning`: once a day for each scope and level.
pub fn quota(warning: &QuotaWarning, account: &Account, preferences: &Preferences, event_time: Timestamp) -> Verdict {
    let day = event_time.date_naive();
    let business_key = format!("{}/{}/{}/{day}", account.id, warning.scope, warning.percent_used);
    if account.erased_at(event_time) {
        return Verdict::Ignore;
    }
    if !preferences.wants(Kind::QuotaWarning) {
        return Verdict::Suppress {
            kind: Kind::QuotaWarning,
            business_key,
            decision: against("type_off", preferences, event_time),
        };
    }
    Verdict::Raise(Box::new(Draft {
        kind: Kind::QuotaWarning,
        business_key,
        title: "Gmail quota".to_owned(),
        message: format!("{} % of the Gmail quota is used", warning.percent_used),
        sender_email: None,
        sender_name: None,
        folder: None,
        data: json!({ "scope": warning.scope, "percentUsed": warning.percent_used }),
        email_id: None,
        message_id: None,
        silenced: false,
        decisions: for_row(Because("type_on"), None, preferences, event_time),
        event_members: members([("quotaUsedPercent", json!(warning.percent_used))]),
    }))
}

fn shown(address: &str) -> &str {
    if address.is_empty() { "An account" } else { address }
}
