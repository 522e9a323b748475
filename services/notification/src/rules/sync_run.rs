//! Sync runs: the first one of an account always tells, later ones only when wanted.

use postrider_contracts::mailbox::RunState;
use postrider_domain::Timestamp;
use postrider_domain::text::truncate;
use serde_json::json;

use super::account::Account;
use super::decision::{Because, Verdict, against, for_row};
use super::draft::{Draft, members};
use super::kind::Kind;
use super::preferences::Preferences;

/// Runs cover the whole mailbox; clients of the seed's protocol expect a folder.
const FOLDER: &str = "All Mail";
/// Longest error text shown, in bytes.
const MAX_ERROR: usize = 300;

/// Whether this run is the account's first complete one.
pub fn is_first(run: &RunState, account: &Account) -> bool {
    account.first_sync_at.is_none() && (run.reason == "first" || run.kind == "full")
}

/// `sync.completed`: the first run once, whatever is set; full, repair and asked-for runs if `notifySyncComplete` is
/// on; the incremental runs of pushes and polls never.
pub fn completed(run: &RunState, account: &Account, preferences: &Preferences, event_time: Timestamp) -> Verdict {
    if account.erased_at(event_time) {
        return Verdict::Ignore;
    }
    let first = is_first(run, account);
    let told = matches!(run.kind.as_str(), "full" | "repair") || run.reason == "asked";
    if !first && !told {
        return Verdict::Ignore;
    }
    let business_key = if first { format!("{}/first", account.id) } else { format!("{}/{}", account.id, run.run_id) };
    if !first && !preferences.wants(Kind::SyncComplete) {
        return Verdict::Suppress {
            kind: Kind::SyncComplete,
            business_key,
            decision: against("type_off", preferences, event_time),
        };
    }
    let because = Because(if first { "first_sync" } else { "type_on" });
    Verdict::Raise(Box::new(Draft {
        kind: Kind::SyncComplete,
        business_key,
        title: "Sync complete".to_owned(),
        message: format!("{} messages synced, {} new", run.stored, run.new_emails),
        sender_email: None,
        sender_name: None,
        folder: Some(FOLDER.to_owned()),
        data: run_data(run),
        email_id: None,
        message_id: None,
        silenced: false,
        decisions: for_row(because, None, preferences, event_time),
        event_members: members([
            ("folder", json!(FOLDER)),
            ("messagesSynced", json!(run.stored)),
            ("newMessages", json!(run.new_emails)),
        ]),
    }))
}

/// `sync.failed`: one notification for each failed run, unless switched off.
pub fn failed(run: &RunState, account: &Account, preferences: &Preferences, event_time: Timestamp) -> Verdict {
    if account.erased_at(event_time) {
        return Verdict::Ignore;
    }
    let business_key = format!("{}/{}", account.id, run.run_id);
    if !preferences.wants(Kind::SyncFailed) {
        return Verdict::Suppress {
            kind: Kind::SyncFailed,
            business_key,
            decision: against("type_off", preferences, event_time),
        };
    }
    let error = truncate(&run.error, MAX_ERROR);
    Verdict::Raise(Box::new(Draft {
        kind: Kind::SyncFailed,
        business_key,
        title: "Sync failed".to_owned(),
        message: error.to_owned(),
        sender_email: None,
        sender_name: None,
        folder: Some(FOLDER.to_owned()),
        data: run_data(run),
        email_id: None,
        message_id: None,
        silenced: false,
        decisions: for_row(Because("type_on"), None, preferences, event_time),
        event_members: members([("folder", json!(FOLDER)), ("error", json!(error))]),
    }))
}

fn run_data(run: &RunState) -> serde_json::Value {
    json!({ "runId": run.run_id, "kind": run.kind, "reason": run.reason, "stored": run.stored, "deleted": run.deleted,
            "failed": run.failed, "newEmails": run.new_emails })
}

#[cfg(test)]
mod tests {
    use super::super::mail_test_account as account;
    use super::*;
    use postrider_domain::{Clock, MockClock};

    fn run(kind: &str, reason: &str) -> RunState {
        RunState {
            run_id: "r1".to_owned(),
            kind: kind.to_owned(),
            reason: reason.to_owned(),
            stored: 3_000,
            ..RunState::default()
        }
    }

    fn told(run: &RunState, account: &Account, preferences: &Preferences) -> String {
        match completed(run, account, preferences, MockClock::default().now()) {
            Verdict::Raise(draft) => draft.business_key,
            Verdict::Suppress { decision, .. } => decision.reason,
            Verdict::Ignore => "ignored".to_owned(),
        }
    }

    #[test]
    fn the_first_run_tells_once_and_later_ones_only_when_wanted() {
        let off = Preferences::default();
        let on = Preferences { notify_sync_complete: true, ..Preferences::default() };
        let new = account();
        let known = Account { first_sync_at: Some(new.version_at), ..account() };
        assert!(told(&run("full", "first"), &new, &off).ends_with("/first"));
        assert!(told(&run("full", "asked"), &new, &off).ends_with("/first"));
        assert_eq!(told(&run("full", "first"), &known, &off), "type_off");
        assert!(told(&run("full", "first"), &known, &on).ends_with("/r1"));
        assert!(told(&run("incremental", "asked"), &known, &on).ends_with("/r1"));
        assert!(told(&run("repair", "history_expired"), &known, &on).ends_with("/r1"));
        for preferences in [&off, &on] {
            assert_eq!(told(&run("incremental", "push"), &new, preferences), "ignored");
            assert_eq!(told(&run("audit", "audit"), &known, preferences), "ignored");
        }
    }

    #[test]
    fn failures_tell_unless_switched_off() {
        let off = Preferences { notify_sync_failed: false, ..Preferences::default() };
        let failed = |preferences: &Preferences| {
            failed(&run("incremental", "poll"), &account(), preferences, MockClock::default().now())
        };
        assert!(matches!(failed(&Preferences::default()), Verdict::Raise(_)));
        assert!(matches!(failed(&off), Verdict::Suppress { .. }));
    }
}
