//! Trouble with an account: a lost grant, a quota that runs out.

use postrider_contracts::connector::ConnectorState;
use postrider_contracts::mailbox::QuotaWarning;
use postrider_domain::{ReauthReason, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use super::decision::{Occasion, Verdict, decide};
use super::draft::{Draft, members};
use super::kind::Kind;
use super::preferences::Preferences;
use super::recipient::Recipient;
use super::webhook::DisabledReason;

/// What `data.errorType` of a lost grant says.
const LOST_GRANT: &str = "reauth_required";

/// Whether a notification tells of a lost grant: its account stands still until its user acts, so no night holds it, also
/// one that begins while it is on its way.
pub fn is_lost_grant(kind: Kind, data: &Value) -> bool {
    kind == Kind::ErrorOccurred && data.get("errorType").is_some_and(|kind| kind.as_str() == Some(LOST_GRANT))
}

/// `connector.reauth_required`: one `error_occurred` for each loss of the grant (the connector's version names it).
pub fn reauth_required(connector: &ConnectorState, to: &Recipient) -> Verdict {
    let business_key = format!("{}/reauth/{}", to.account.id, connector.version);
    if !to.wants(Kind::ErrorOccurred) {
        return to.withhold(Kind::ErrorOccurred, business_key, "type_off");
    }
    // A connector of a later version may know more reasons.
    let message = match connector.reason.parse() {
        Ok(ReauthReason::ScopeMissing) => {
            "The granted permissions are not enough. Connect the account again to resume syncing."
        }
        Ok(ReauthReason::DomainPolicy) => {
            "The administrator of its domain does not allow this application. Ask for it, then connect the account again."
        }
        Ok(ReauthReason::MailServiceOff) => {
            "Gmail is switched off for it. Ask its administrator, then connect the account again."
        }
        Ok(ReauthReason::InvalidGrant | ReauthReason::ClientChanged) | Err(_) => {
            "Google no longer accepts our access. Connect the account again to resume syncing."
        }
    };
    let title = format!("{} needs to be connected again", shown(&connector.email_address));
    let draft = Draft {
        alarm: true,
        data: json!({ "errorType": LOST_GRANT, "reason": connector.reason }),
        event_members: members([("errorType", json!(LOST_GRANT)), ("errorMessage", json!(message))]),
        ..Draft::new(Kind::ErrorOccurred, business_key, title, message.to_owned())
    };
    to.tell(draft, "type_on")
}

/// An endpoint was disabled: one `error_occurred` for each time, unless switched off.
pub fn webhook_disabled(
    endpoint: Uuid,
    url: &str,
    reason: DisabledReason,
    preferences: &Preferences,
    now: Timestamp,
) -> Option<Draft> {
    let event = Occasion::plain(Kind::ErrorOccurred, "type_on");
    if !preferences.wants(event.kind) {
        return None;
    }
    let message = match reason {
        DisabledReason::Gone => "It answered that it is gone (410). Its events are kept; enable it to have them sent.",
        DisabledReason::Failing | DisabledReason::Owner => {
            "It has accepted nothing for five days. Its events are kept; enable it to have them sent."
        }
    };
    let host = url.split('/').nth(2).unwrap_or("a webhook endpoint");
    let business_key = format!("webhook/{endpoint}/{}", now.timestamp_millis());
    Some(Draft {
        data: json!({ "errorType": "webhook_disabled", "endpointId": endpoint, "reason": reason }),
        event_members: members([("errorType", json!("webhook_disabled")), ("errorMessage", json!(message))]),
        decisions: decide(now, preferences, event),
        ..Draft::new(Kind::ErrorOccurred, business_key, format!("Webhooks to {host} are disabled"), message.to_owned())
    })
}

/// `quota.warning`: once a day for each scope and level.
pub fn quota(warning: &QuotaWarning, to: &Recipient) -> Verdict {
    if to.is_erased() {
        return Verdict::Ignore;
    }
    let day = to.at.date_naive();
    let business_key = format!("{}/{}/{}/{day}", to.account.id, warning.scope, warning.percent_used);
    if !to.wants(Kind::QuotaWarning) {
        return to.withhold(Kind::QuotaWarning, business_key, "type_off");
    }
    let message = format!("{} % of the Gmail quota is used", warning.percent_used);
    let draft = Draft {
        data: json!({ "scope": warning.scope, "percentUsed": warning.percent_used }),
        event_members: members([("quotaUsedPercent", json!(warning.percent_used))]),
        ..Draft::new(Kind::QuotaWarning, business_key, "Gmail quota".to_owned(), message)
    };
    to.tell(draft, "type_on")
}

fn shown(address: &str) -> &str {
    if address.is_empty() { "An account" } else { address }
}
