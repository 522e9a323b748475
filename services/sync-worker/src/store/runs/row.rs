//! A row of `sync_runs`.

use postrider_contracts::mailbox::RunState as RunMessage;
use postrider_domain::{ConnectorId, HistoryId, RunId, RunKind, RunState, TenantId, Timestamp};
use postrider_storage::row;

use crate::rules::announce::{GapNews, MOST_OF_A_RUN};
use crate::rules::words::RunReason;

row! {
    /// A run and how far it came.
    #[derive(Debug, Clone)]
    pub struct Run {
        pub tenant: TenantId,
        pub id: RunId,
        pub connector: ConnectorId,
        pub kind: RunKind,
        pub reason: RunReason,
        pub state: RunState,
        pub generation: i32,
        pub boundary: HistoryId,
        pub pass: i16,
        pub page_token: Option<String>,
        pub listing_complete: bool,
        pub max_results: Option<i64>,
        /// Place in the listing up to which every mail is in the mirror, parked or left out.
        pub settled: i64,
        pub listed: i64,
        pub fetched: i64,
        pub stored: i64,
        pub new_emails: i64,
        pub deleted: i64,
        pub failed: i64,
        /// What it finds of after this is news, and how much of that was told one by one.
        pub news_since: Option<Timestamp>,
        pub announced: i64,
        /// Received mails of these that were not told one by one.
        pub untold: i64,
        pub total_estimate: i64,
        /// What is older is listed and not fetched; so many of the listed mails are, and not in the mirror.
        pub since: Option<Timestamp>,
        pub outside: i64,
        pub error: Option<String>,
        /// Slices in a row that failed; 0 after one that did not.
        pub attempts: i32,
        /// Not worked on before.
        pub not_before: Option<Timestamp>,
        pub progressed_at: Option<Timestamp>,
        pub started_at: Option<Timestamp>,
        pub finished_at: Option<Timestamp>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

/// Columns of [`Run`].
macro_rules! run_columns {
    () => {
        "tenant, run_id AS id, connector_id AS connector, kind, reason, state, generation, boundary, pass, page_token, \
         listing_complete, max_results, settled, listed, fetched, stored, new_emails, deleted, failed, news_since, announced, untold, \
         total_estimate, since, outside, \
         error, attempts, not_before, progressed_at, started_at, finished_at, created_at, updated_at"
    };
}
pub(super) use run_columns;

/// What a transaction adds to the counts of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub listed: i64,
    pub fetched: i64,
    pub stored: i64,
    pub new_emails: i64,
    pub deleted: i64,
    pub failed: i64,
    pub announced: i64,
    pub untold: i64,
}

impl Run {
    /// Which of what it finds is news.
    pub fn news(&self) -> Option<GapNews> {
        let left = MOST_OF_A_RUN.saturating_sub(usize::try_from(self.announced).unwrap_or(MOST_OF_A_RUN));
        self.news_since.map(|since| GapNews { since, left })
    }

    /// Whether labels are listed too, so that mails whose labels they confirm need no fetch: where every known mail is to be
    /// learnt again, and nothing is wrong with its ids.
    pub fn learns_labels(&self) -> bool {
        self.kind == RunKind::Repair && self.reason == RunReason::HistoryExpired
    }

    /// When it started, or was asked for.
    pub fn began_at(&self) -> Timestamp {
        self.started_at.unwrap_or(self.created_at)
    }

    /// The run as events carry it.
    pub fn state_message(&self) -> RunMessage {
        let n = |value: i64| u64::try_from(value).unwrap_or(0);
        RunMessage {
            run_id: self.id.to_string(),
            kind: self.kind.to_string(),
            reason: self.reason.to_string(),
            listed: n(self.listed),
            fetched: n(self.fetched),
            stored: n(self.stored),
            deleted: n(self.deleted),
            failed: n(self.failed),
            total_estimate: n(self.total_estimate),
            error: self.error.clone().unwrap_or_default(),
            new_emails: n(self.new_emails),
            untold: n(self.untold),
            started_at_ms: self.began_at().timestamp_millis(),
            finished_at_ms: self.finished_at.map_or(0, |at| at.timestamp_millis()),
        }
    }
}
