//! Where looks at Gmail's history start, and when that place moves.
//!
//! Two things are not true of Gmail: that an answer shows every record up to the id it tells, and that records come to
//! light in the order of their ids. What is assumed instead: **a record is shown by every answer that is asked for
//! [`VISIBLE_AFTER`] or longer after its id, or a greater one, was told.** Everything here follows from that:
//!
//! - A look pages history from `settled` to its end and skips entries that are in the record of changes. So an entry that
//!   comes to light behind others is met by the next look, as long as its record lies beyond `settled`.
//! - `settled` moves only to a `seen_head` that was told `VISIBLE_AFTER` or longer before a look began, at the end of that
//!   look, if it was complete. Every record up to `seen_head` existed when it was told: an id is told only after it was
//!   given. So each of them was shown to this look, and applied, tombstoned or parked before `settled` moved over it.
//! - `seen_head` moves only together with `settled`: were it to follow each answer, it would never be old enough.
//! - A look that began at `settled` and was not complete (an error, a head below the [`floor`], a look from `cursor`) moves
//!   neither. It costs the next look some entries to skip.
//!
//! `cursor` is the greatest record that was applied; it is shown to people, and looks start there only while too much lies
//! beyond `settled` ([`start`]).

use chrono::TimeDelta;
use postrider_domain::{HistoryId, Timestamp};

/// How long Gmail may hide a record whose id was told. Seconds were seen in the field.
pub const VISIBLE_AFTER: TimeDelta = TimeDelta::minutes(10);
/// With more entries than this beyond `settled`, looks start at `cursor`.
pub const CROWDED: usize = 1_000;
/// While they do, one from `settled` runs this often.
pub const WHOLE_LOOK_EVERY: TimeDelta = TimeDelta::seconds(30);
/// Ids went back, or history is gone, if it was told twice with this much between: one odd replica is not believed.
pub const ASK_AGAIN_AFTER: TimeDelta = TimeDelta::seconds(60);
/// A generation begins because history is gone at most this often.
const GENERATION_RESTS: TimeDelta = TimeDelta::hours(1);
/// A generation begins because ids went back at most this often.
const RENUMBERED_AT_MOST: TimeDelta = TimeDelta::days(1);

/// How far history was followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    pub settled: HistoryId,
    pub cursor: HistoryId,
    pub seen_head: HistoryId,
    pub seen_head_at: Timestamp,
    /// When the last complete look began.
    pub caught_up_at: Timestamp,
    /// Since when history answers that `settled` is gone, and where looks start until it is certain.
    pub gone: Option<(Timestamp, HistoryId)>,
    /// Since when Gmail tells ids below `settled`, and where looks start meanwhile.
    pub back: Option<(Timestamp, HistoryId)>,
    /// When a generation was last begun because of that.
    pub renumbered_at: Option<Timestamp>,
}

/// Where a look starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At `settled`: its end can move it.
    Settled(HistoryId),
    /// At `cursor`: a quick look, which moves nothing and ends nothing.
    Cursor(HistoryId),
    /// At the lowest id told since ids went back.
    Lower(HistoryId),
    /// At the id told when history first said that `settled` is gone: new mail does not wait for certainty.
    Meanwhile(HistoryId),
}

impl Start {
    pub fn id(self) -> HistoryId {
        match self {
            Self::Settled(id) | Self::Cursor(id) | Self::Lower(id) | Self::Meanwhile(id) => id,
        }
    }
}

/// Where the next look starts. `crowded`: much lies beyond `settled`; `whole`: something waits for a complete look.
pub fn start(standing: &Standing, crowded: bool, whole: bool, now: Timestamp) -> Start {
    if let Some((_, head)) = standing.gone.filter(|(since, _)| now < gone_for_certain(standing, *since)) {
        return Start::Meanwhile(head);
    }
    match standing.back {
        Some((_, lower)) => Start::Lower(lower),
        None if crowded && !whole && now < standing.caught_up_at + WHOLE_LOOK_EVERY => Start::Cursor(standing.cursor),
        None => Start::Settled(standing.settled),
    }
}

/// What the head of an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heads {
    /// The look is worth what it shows.
    Usual,
    /// Ids had gone back and are right again: look once more, from `settled`.
    RightAgain,
    /// One answer tells less than is known for long: it shows what it shows, and moves nothing.
    Odd,
    /// Ids went back, for the first time since they were right: looks start at this one until it is certain.
    WentBack(HistoryId),
    /// They still are.
    StillBack,
    /// They stay back: a generation begins.
    StartOver,
}

/// The id below which no answer can be whole: it was told long enough ago for every replica to know it.
pub fn floor(standing: &Standing, now: Timestamp) -> HistoryId {
    match now >= standing.seen_head_at + VISIBLE_AFTER {
        true => standing.settled.max(standing.seen_head),
        false => standing.settled,
    }
}

/// When a history that is gone is believed to be: a while after it first said so, and no sooner than an hour after the
/// last look that came to its end or the last beginning, or a history that answers nothing would begin a generation every
/// minute.
pub fn gone_for_certain(standing: &Standing, since: Timestamp) -> Timestamp {
    // A generation that begins is told a head.
    let rested = standing.caught_up_at.max(standing.seen_head_at) + GENERATION_RESTS;
    (since + ASK_AGAIN_AFTER).max(rested)
}

/// Judges the head of a look; `profile` is asked for where the head lies below the [`floor`].
pub fn judge(standing: &Standing, head: HistoryId, profile: Option<HistoryId>, now: Timestamp) -> Heads {
    let floor = floor(standing, now);
    let below = head < floor;
    match (standing.back, profile) {
        (None, _) if !below => Heads::Usual,
        (Some(_), _) if !below => Heads::RightAgain,
        (None, Some(profile)) if profile < floor => Heads::WentBack(head.min(profile)),
        (Some((since, _)), Some(profile)) if profile < floor => {
            let certain = now >= since + ASK_AGAIN_AFTER;
            let rested = standing.renumbered_at.is_none_or(|at| now >= at + RENUMBERED_AT_MOST);
            if certain && rested { Heads::StartOver } else { Heads::StillBack }
        }
        _ => Heads::Odd,
    }
}

/// Where things stand at the end of a complete look from `settled` that began at `began` and was told `head` at `told_at`.
pub fn after(standing: Standing, began: Timestamp, head: HistoryId, told_at: Timestamp) -> Standing {
    let standing = Standing { caught_up_at: began, ..standing };
    if head < floor(&standing, began) || began < standing.seen_head_at + VISIBLE_AFTER {
        return standing;
    }
    Standing {
        settled: standing.settled.max(standing.seen_head),
        seen_head: head.max(standing.seen_head),
        seen_head_at: told_at,
        ..standing
    }
}

#[cfg(test)]
#[path = "settle/tests.rs"]
mod tests;
