//! A row of `mailboxes` as the engine reads it.

use chrono::DateTime;
use postrider_domain::{AccountStatus, ConnectorId, HistoryId, TenantId, Timestamp, UserId};
use postrider_storage::row;

use crate::rules::change::Known;
use crate::rules::decide::Ground;
use crate::rules::ids::Ids;
use crate::rules::recount::Counted;
use crate::rules::settle::{Standing, VISIBLE_AFTER};

/// Whose mailbox, under which fencing token: every commit of the engine proves it still holds both numbers.
#[derive(Debug, Clone)]
pub struct Guard {
    pub tenant: TenantId,
    pub connector: ConnectorId,
    pub epoch: i64,
    pub generation: i32,
    /// Connector's version when the mailbox was read.
    pub version: i64,
}

row! {
    /// The engine's view of a mailbox.
    #[derive(Debug, Clone)]
    pub struct Mailbox {
        pub connector: ConnectorId,
        pub tenant: TenantId,
        pub owner: UserId,
        pub google_sub: String,
        pub status: AccountStatus,
        pub poll_interval_seconds: i32,
        pub push_until: Option<Timestamp>,
        pub monitored: bool,
        pub generation: i32,
        pub settled: Option<HistoryId>,
        pub cursor: Option<HistoryId>,
        pub seen_head: Option<HistoryId>,
        pub seen_head_at: Option<Timestamp>,
        pub caught_up_at: Option<Timestamp>,
        pub gone_at: Option<Timestamp>,
        pub gone_head: Option<HistoryId>,
        pub back_at: Option<Timestamp>,
        pub back_head: Option<HistoryId>,
        pub renumbered_at: Option<Timestamp>,
        pub look_back_at: Option<Timestamp>,
        pub epoch: i64,
        pub requested: i64,
        pub attempts: i32,
        /// What connector says is applied only if its version is newer than this.
        pub connector_version: i64,
        pub first_synced_at: Option<Timestamp>,
        pub first_listed_at: Option<Timestamp>,
        /// The gap that a repair closes began then.
        pub news_since: Option<Timestamp>,
        pub labels_synced_at: Option<Timestamp>,
        /// When history last showed something new.
        pub last_entry_at: Option<Timestamp>,
        pub counted_at: Option<Timestamp>,
        pub count_off: bool,
        pub recounted_at: Option<Timestamp>,
        /// `sync_since` of the settings, milliseconds; 0 = all.
        pub sync_since_ms: i64,
    }
}

/// Columns of [`Mailbox`].
macro_rules! mailbox_columns {
    () => {
        "m.connector_id AS connector, m.tenant, m.owner, m.google_sub, m.status, m.poll_interval_seconds, m.monitored, \
         CASE WHEN m.watch_type = 'push' THEN m.watch_expires_at END AS push_until, m.generation, m.settled, \
         m.cursor, m.seen_head, m.seen_head_at, m.gone_at, m.gone_head, m.back_at, m.back_head, m.renumbered_at, m.look_back_at, \
         m.caught_up_at, m.epoch, m.requested, m.attempts, m.connector_version, m.first_synced_at, \
         m.first_listed_at, m.news_since, m.labels_synced_at, \
         m.last_entry_at, m.counted_at, m.count_off, m.recounted_at, \
         coalesce((m.settings ->> 'sync_since_ms')::bigint, 0) AS sync_since_ms"
    };
}
pub(super) use mailbox_columns;

impl Mailbox {
    /// What is older than this is not fetched because it is there; `None`: everything is.
    pub fn sync_since(&self) -> Option<Timestamp> {
        DateTime::from_timestamp_millis(self.sync_since_ms).filter(|_| self.sync_since_ms > 0)
    }

    /// How far history was followed; `None` before the first contact.
    pub fn standing(&self) -> Option<Standing> {
        let settled = self.settled?;
        Some(Standing {
            settled,
            cursor: self.cursor.unwrap_or(settled),
            seen_head: self.seen_head.unwrap_or(settled),
            seen_head_at: self.seen_head_at?,
            caught_up_at: self.caught_up_at?,
            gone: self.gone_at.zip(self.gone_head),
            back: self.back_at.zip(self.back_head),
            renumbered_at: self.renumbered_at,
        })
    }

    /// How far the mirror has come.
    pub fn ground(&self) -> Ground {
        let (settled, caught_up_at) = (self.settled.unwrap_or_default(), self.caught_up_at.unwrap_or_default());
        Ground { settled, caught_up_at, first_synced: self.first_synced_at.is_some() }
    }

    /// What came since then is news, found by whoever, though no record added it: of a mail that nobody knew, what came since
    /// the mailbox was first listed; while a repair is at work, what came in the gap and the repair has not met.
    pub fn untold_since(&self, known: Option<&Known>) -> Option<Timestamp> {
        match known {
            None => self.news_since.or(self.first_listed_at).or(self.first_synced_at),
            Some(known) => self.news_since.filter(|_| known.version.generation < self.generation),
        }
    }

    /// Since when what a repair finds is news: since the mirror was current, and a little before, as what came then may have
    /// been hidden. A repair that takes another's place closes the other's gap.
    pub fn gap_since(&self) -> Option<Timestamp> {
        let hidden_since = (self.caught_up_at? - VISIBLE_AFTER).max(self.first_listed_at.unwrap_or_default());
        Some(self.news_since.map_or(hidden_since, |since| since.min(hidden_since)))
    }

    /// What comparisons of its count with Gmail's showed.
    pub fn counted(&self) -> Counted {
        Counted { at: self.counted_at, off: self.count_off, recounted_at: self.recounted_at }
    }

    /// How its ids are to be read.
    pub fn ids(&self) -> Ids {
        let cap = self.renumbered_at.and(self.settled);
        Ids { generation: self.generation, take: self.back_at.is_some(), cap }
    }

    /// The proof its commits carry.
    pub fn guard(&self) -> Guard {
        Guard {
            tenant: self.tenant.clone(),
            connector: self.connector,
            epoch: self.epoch,
            generation: self.generation,
            version: self.connector_version,
        }
    }
}
