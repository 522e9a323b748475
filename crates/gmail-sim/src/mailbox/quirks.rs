//! The oddities a mailbox shows: probabilities, with the times that bound them. All off by default.
//!
//! Every choice comes from the mailbox's second dice, so that ids and contents do not depend on which oddities are on.
//! What a choice hides comes to light again: [`Mailbox::settled_at`] says when.

use chrono::TimeDelta;
use postrider_domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Mailbox, Meta};
use crate::dice::Dice;
use crate::gate::Transport;
use crate::ids::MsgId;

/// Oddities of the real API. Members without a unit are probabilities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// A history page without records but with a `nextPageToken`.
    pub empty_page: f64,
    /// The last record of a page comes again as the first of the next.
    pub repeated_record: f64,
    /// With a lag: `history.list` answers the mailbox's true history id, not that of the records it shows.
    pub true_head: bool,
    /// A record is seen up to `late_ms` later than the lag has it, so that later ones can be seen before it.
    pub late_record: f64,
    pub late_ms: u32,
    /// An answer of get, list, history or profile is up to `stale_ms` old.
    pub stale: f64,
    pub stale_ms: u32,
    /// A listing goes by position: what changes between two pages makes it repeat or miss mails.
    pub moving_pages: f64,
    /// `resultSizeEstimate` is 0, 1, 201 or 5,000, whatever there is.
    pub wrong_estimate: f64,
    /// New mail stands in a record's `messages` and in no `messagesAdded`.
    pub bare_added: f64,
    /// `internalDate` of a mail is absent or "0" until the mail is ready.
    pub no_date: f64,
    /// `raw` of a mail with the label `CHAT` is absent or "" until the mail is ready.
    pub no_raw: f64,
    /// Mails are ready at most this long after they came, or after the quirks were set.
    pub unready_ms: u32,
    /// A change makes the history ids that are told go back for `ids_back_ms`.
    pub ids_back: f64,
    pub ids_back_ms: u32,
    /// An answer without `Content-Length`.
    pub chunked: f64,
    /// An answer that breaks off in the middle.
    pub cut: f64,
    /// The connection ends without an answer; the call was carried out.
    pub reset: f64,
    /// 500 with a page of HTML; the call was not carried out.
    pub html: f64,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            empty_page: 0.0,
            repeated_record: 0.0,
            true_head: false,
            late_record: 0.0,
            late_ms: 5_000,
            stale: 0.0,
            stale_ms: 5_000,
            moving_pages: 0.0,
            wrong_estimate: 0.0,
            bare_added: 0.0,
            no_date: 0.0,
            no_raw: 0.0,
            unready_ms: 5_000,
            ids_back: 0.0,
            ids_back_ms: 20_000,
            chunked: 0.0,
            cut: 0.0,
            reset: 0.0,
            html: 0.0,
        }
    }
}

impl Quirks {
    /// Whether every rate lies in `0.0..=1.0`.
    pub fn are_probabilities(&self) -> bool {
        let Self { empty_page, repeated_record, late_record, stale, moving_pages, wrong_estimate, .. } = *self;
        let Self { bare_added, no_date, no_raw, ids_back, chunked, cut, reset, html, .. } = *self;
        let content = [empty_page, repeated_record, late_record, stale, moving_pages, wrong_estimate, bare_added];
        let rest = [no_date, no_raw, ids_back, chunked, cut, reset, html];
        content.into_iter().chain(rest).all(|rate| (0.0..=1.0).contains(&rate))
    }
}

/// A member of a message that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// Left out.
    Absent,
    /// There without a value: `"0"` for a date, `""` for the source.
    Blank,
}

/// What is still missing of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gaps {
    pub date: Option<Gap>,
    pub raw: Option<Gap>,
}

impl Mailbox {
    /// The oddities in force.
    pub fn quirks(&self) -> Quirks {
        self.quirks
    }

    /// Sets the oddities from now on. Records that are hidden already stay so for their time.
    pub fn set_quirks(&mut self, quirks: Quirks, now: Timestamp) {
        (self.quirks, self.quirks_since) = (quirks, now);
    }

    /// What is missing of a message now; the same for every answer until the message is ready.
    pub fn gaps(&self, id: MsgId, meta: &Meta, now: Timestamp) -> Gaps {
        let quirks = &self.quirks;
        if quirks.no_date <= 0.0 && quirks.no_raw <= 0.0 {
            return Gaps::default();
        }
        let mut dice = Dice::derive(self.seed, id.0);
        let wait = millis(dice.between(1, u64::from(quirks.unready_ms)));
        if now >= id.time().max(self.quirks_since) + wait {
            return Gaps::default();
        }
        let kind = |dice: &mut Dice| if dice.chance(0.5) { Gap::Absent } else { Gap::Blank };
        let date = dice.chance(quirks.no_date).then(|| kind(&mut dice));
        let raw = dice.chance(quirks.no_raw).then(|| kind(&mut dice));
        Gaps { date, raw: raw.filter(|_| meta.labels.has(crate::labels::CHAT)) }
    }

    /// How the next answer travels.
    pub fn transport(&mut self) -> Option<Transport> {
        let Quirks { chunked, cut, reset, html, .. } = self.quirks;
        let ways = [
            (html, Transport::Html),
            (reset, Transport::Reset),
            (cut, Transport::Cut),
            (cut, Transport::CutChunked),
            (chunked, Transport::Chunked),
        ];
        ways.into_iter().find(|(rate, _)| self.odd.chance(*rate)).map(|(_, way)| way)
    }

    /// When everything that was done so far is seen by everybody, if that is still to come.
    pub fn settled_at(&self, now: Timestamp) -> Option<Timestamp> {
        let quirks = &self.quirks;
        let shown = self.recent(now).map(|record| record.visible_at).max();
        let fresh = self.records.back().map(|last| last.at + millis(u64::from(quirks.stale_ms)));
        let ready = self.last_id.time().max(self.quirks_since) + millis(u64::from(quirks.unready_ms));
        let times = [
            shown,
            fresh.filter(|_| quirks.stale > 0.0),
            Some(ready).filter(|_| quirks.no_date > 0.0 || quirks.no_raw > 0.0),
            self.back.as_ref().map(|back| back.until),
        ];
        times.into_iter().flatten().max().filter(|at| *at > now)
    }
}

pub(super) fn millis(count: u64) -> TimeDelta {
    TimeDelta::milliseconds(i64::try_from(count).unwrap_or(i64::MAX / 2))
}
