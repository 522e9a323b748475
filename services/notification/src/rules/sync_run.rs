//! Sync runs: the first one of an account always tells, later ones only when wanted.

use postrider_contracts::mailbox::RunState;
use postrider_domain::RunKind;
use postrider_domain::text::truncate;
use serde_json::json;

use super::decision::Verdict;
use super::draft::{Draft, members};
use super::kind::Kind;
use super::recipient::Recipient;

/// Runs cover the whole mailbox; clients of the seed's protocol expect a folder.
const FOLDER: &str = "All Mail";
/// Longest error text shown, in bytes.
const MAX_ERROR: usize = 300;

postrider_domain::words! {
    /// The reasons of a run that matter to its user.
    enum Reason {
        First = "first",
        Asked = "asked",
    }
}

/// What a run is to its user. Unknown kinds and reasons are none that tells.
struct Run {
    kind: Option<RunKind>,
    reason: Option<Reason>,
}

impl Run {
    fn of(run: &RunState) -> Self {
        Self { kind: run.kind.parse().ok(), reason: run.reason.parse().ok() }
    }

    /// Whether it may be the first complete one of an account.
    fn is_complete(&self) -> bool {
        self.reason == Some(Reason::First) || self.kind == Some(RunKind::Full)
    }

    fn tells_if_wanted(&self) -> bool {
        matches!(self.kind, Some(RunKind::Full | RunKind::Repair)) || self.reason == Some(Reason::Asked)
    }
}

/// Whether this run is the account's first complete one.
pub fn is_first(run: &RunState, to: &Recipient) -> bool {
    to.account.first_sync_at.is_none() && Run::of(run).is_complete()
}

/// `sync.completed`: the first run once, whatever is set; full, repair and asked-for runs if `notifySyncComplete` is
/// on; the incremental runs of pushes and polls never.
pub fn completed(run: &RunState, to: &Recipient) -> Verdict {
    let first = is_first(run, to);
    if to.is_erased() || (!first && !Run::of(run).tells_if_wanted()) {
        return Verdict::Ignore;
    }
    let named = if first { "first" } else { run.run_id.as_str() };
    let business_key = format!("{}/{named}", to.account.id);
    if !first && !to.wants(Kind::SyncComplete) {
        return to.withhold(Kind::SyncComplete, business_key, "type_off");
    }
    let message = format!("{} messages synced, {} new", run.stored, run.new_emails);
    let draft = Draft {
        folder: Some(FOLDER.to_owned()),
        data: run_data(run),
        event_members: members([
            ("folder", json!(FOLDER)),
            ("messagesSynced", json!(run.stored)),
            ("newMessages", json!(run.new_emails)),
        ]),
        ..Draft::new(Kind::SyncComplete, business_key, "Sync complete".to_owned(), message)
    };
    to.tell(draft, if first { "first_sync" } else { "type_on" })
}

/// `sync.completed` of a run that met more news after a gap than it told one by one: one notification for the rest.
pub fn rest(run: &RunState, to: &Recipient) -> Verdict {
    if run.untold == 0 || to.is_erased() {
        return Verdict::Ignore;
    }
    let business_key = format!("{}/{}/rest", to.account.id, run.run_id);
    if !to.wants(Kind::NewMessage) {
        return to.withhold(Kind::NewMessage, business_key, "type_off");
    }
    let title = format!("{} more new messages", run.untold);
    let message = "They came while the mailbox could not be followed.".to_owned();
    let draft = Draft {
        folder: Some(FOLDER.to_owned()),
        data: json!({ "runId": run.run_id, "count": run.untold }),
        // As of a mail, but of none in particular.
        event_members: members([
            ("sender", json!(null)),
            ("subject", json!(title)),
            ("folder", json!(FOLDER)),
            ("messageId", json!(null)),
            ("emailId", json!(null)),
            ("count", json!(run.untold)),
        ]),
        ..Draft::new(Kind::NewMessage, business_key, title, message)
    };
    to.tell(draft, "type_on")
}

/// `sync.failed`: one notification for each failed run, unless switched off.
pub fn failed(run: &RunState, to: &Recipient) -> Verdict {
    if to.is_erased() {
        return Verdict::Ignore;
    }
    let business_key = format!("{}/{}", to.account.id, run.run_id);
    if !to.wants(Kind::SyncFailed) {
        return to.withhold(Kind::SyncFailed, business_key, "type_off");
    }
    let error = truncate(&run.error, MAX_ERROR);
    let draft = Draft {
        folder: Some(FOLDER.to_owned()),
        data: run_data(run),
        event_members: members([("folder", json!(FOLDER)), ("error", json!(error))]),
        ..Draft::new(Kind::SyncFailed, business_key, "Sync failed".to_owned(), error.to_owned())
    };
    to.tell(draft, "type_on")
}

fn run_data(run: &RunState) -> serde_json::Value {
    json!({ "runId": run.run_id, "kind": run.kind, "reason": run.reason, "stored": run.stored, "deleted": run.deleted,
            "failed": run.failed, "newEmails": run.new_emails })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::mail::tests::{account, recipient};
    use crate::rules::{Account, Preferences};

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
        match completed(run, &recipient(account.clone(), preferences.clone())) {
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
    fn what_a_gap_brought_beyond_what_is_told_one_by_one_is_told_as_a_number() {
        let gap = RunState { untold: 37, ..run("repair", "history_expired") };
        let told = |run: &RunState, preferences| rest(run, &recipient(account(), preferences));
        let Verdict::Raise(draft) = told(&gap, Preferences::default()) else { panic!("a row") };
        assert_eq!((draft.kind, draft.title.as_str()), (Kind::NewMessage, "37 more new messages"));
        assert!(draft.business_key.ends_with("/r1/rest"));
        assert!(matches!(told(&run("repair", "history_expired"), Preferences::default()), Verdict::Ignore));
        let off = Preferences { notify_new_message: false, ..Preferences::default() };
        assert!(matches!(told(&gap, off), Verdict::Suppress { .. }));
    }

    #[test]
    fn failures_tell_unless_switched_off() {
        let off = Preferences { notify_sync_failed: false, ..Preferences::default() };
        let failed = |preferences| failed(&run("incremental", "poll"), &recipient(account(), preferences));
        assert!(matches!(failed(Preferences::default()), Verdict::Raise(_)));
        assert!(matches!(failed(off), Verdict::Suppress { .. }));
    }
}
