//! One simulated mailbox: messages, labels, drafts and the history of changes. Plain data, one lock around it.

mod back;
mod change;
mod history;
mod list;
mod quirks;
mod seed;
mod token;
mod view;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use chrono::TimeDelta;
use postrider_domain::Timestamp;

pub(crate) use change::Edit;
pub use history::{HistoryChange, HistoryPage, HistoryQuery, HistoryRecord};
pub use list::{ListQuery, MessagePage};
pub use quirks::{Gap, Gaps, Quirks};
pub(crate) use view::View;
pub use view::{Lag, LagScope};

use crate::content::{Letter, Note, Sizes};
use crate::dice::Dice;
use crate::ids::MsgId;
use crate::labels::{LabelSet, LabelTable};

/// Where a mail's bytes come from.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    /// Written anew from (mailbox seed, index) each time it is asked for; the note holds what the caller chose.
    Made { index: u32, note: Option<Arc<Note>> },
    /// Given by the caller (insert, import, deliver with raw bytes).
    Raw(Arc<[u8]>),
}

/// What is kept in memory for a mail.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub thread: MsgId,
    /// Id of the last record that touched it (`Message.historyId`).
    pub history_id: u64,
    /// Milliseconds since 1970.
    pub internal_date: i64,
    pub labels: LabelSet,
    pub source: Source,
}

/// One step of a message's history.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub message: MsgId,
    pub thread: MsgId,
    pub kind: ChangeKind,
    /// The message's labels once the record was applied.
    pub labels: LabelSet,
    /// The message before this step, so that a lagging reader can be shown the older state.
    pub before: Option<Meta>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Deleted,
    LabelsAdded(LabelSet),
    LabelsRemoved(LabelSet),
}

/// One history record: an id and one or more changes, possibly of several types.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub id: u64,
    /// The mailbox's history id before this record.
    pub previous: u64,
    pub at: Timestamp,
    pub visible_at: Timestamp,
    /// Its time to be seen is its own: later records may be seen before it.
    pub late: bool,
    /// New mail stands in `messages` alone.
    pub bare: bool,
    pub changes: Vec<Change>,
}

/// Newest first: Gmail lists by internal date, ties by id.
pub(crate) type OrderKey = (Reverse<i64>, Reverse<MsgId>);

/// A mailbox's state.
#[derive(Debug)]
pub(crate) struct Mailbox {
    pub address: Arc<str>,
    pub sub: String,
    pub seed: u64,
    pub sizes: Sizes,
    /// Counts how often the mailbox was created anew.
    pub generation: u32,
    pub labels: LabelTable,
    pub drafts: BTreeMap<u64, MsgId>,
    pub lag: Lag,
    quirks: Quirks,
    quirks_since: Timestamp,
    back: Option<back::Back>,
    /// How long history records are kept.
    pub retention: TimeDelta,
    pub watch: Option<crate::world::watch::Watch>,
    pub dice: Dice,
    /// For the oddities only.
    odd: Dice,
    messages: BTreeMap<MsgId, Meta>,
    order: BTreeSet<OrderKey>,
    threads: HashMap<MsgId, u32>,
    /// In the order of their making.
    records: VecDeque<Record>,
    /// Ids went back once: the order of making is not that of ids.
    unsorted: bool,
    /// The longest that anything was ever hidden.
    slowest: TimeDelta,
    /// The mailbox's current history id.
    head: u64,
    /// Oldest start id that history.list still accepts.
    floor: u64,
    last_id: MsgId,
    /// Next index of a made mail.
    made: u32,
    /// Page tokens of an older epoch are refused.
    token_epoch: u32,
}

impl Mailbox {
    /// An empty mailbox whose history starts at `base`.
    pub fn empty(address: &str, sub: &str, seed: u64, base: u64) -> Self {
        Self {
            address: address.into(),
            sub: sub.to_owned(),
            seed,
            sizes: Sizes::default(),
            generation: 0,
            labels: LabelTable::new(seed::USER_LABELS),
            drafts: BTreeMap::new(),
            lag: Lag::default(),
            quirks: Quirks::default(),
            quirks_since: Timestamp::UNIX_EPOCH,
            back: None,
            retention: TimeDelta::days(7),
            watch: None,
            dice: Dice::derive(seed, u64::MAX),
            odd: Dice::derive(seed, u64::MAX - 1),
            messages: BTreeMap::new(),
            order: BTreeSet::new(),
            threads: HashMap::new(),
            records: VecDeque::new(),
            unsorted: false,
            slowest: TimeDelta::zero(),
            head: base,
            floor: base,
            last_id: MsgId::default(),
            made: 0,
            token_epoch: 0,
        }
    }

    /// The mailbox's current history id as watch and pushes carry it.
    pub fn head(&self) -> u64 {
        self.told(self.head)
    }

    /// Takes over what outlives the account's being made anew.
    pub fn inherit(&mut self, old: &Self) {
        (self.generation, self.sizes) = (old.generation + 1, old.sizes);
        (self.quirks, self.quirks_since) = (old.quirks, old.quirks_since);
    }

    /// Number of messages, spam and trash included.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.threads.len()
    }

    /// The true state of a message, whatever readers may see yet.
    pub fn get(&self, id: MsgId) -> Option<&Meta> {
        self.messages.get(&id)
    }

    /// All messages as they truly are, by id.
    pub fn iter(&self) -> impl Iterator<Item = (MsgId, &Meta)> {
        self.messages.iter().map(|(id, meta)| (*id, meta))
    }

    /// A new message id for the given time.
    pub fn new_id(&mut self, now: Timestamp) -> MsgId {
        let noise = self.dice.bits();
        self.last_id = MsgId::after(self.last_id, now.timestamp_millis(), noise);
        self.last_id
    }

    /// The next index for a made mail.
    pub fn next_made(&mut self) -> u32 {
        self.made = self.made.wrapping_add(1);
        self.made
    }

    /// What is needed to write a message's bytes, to be rendered outside the lock.
    pub fn letter(&self, id: MsgId, meta: &Meta) -> Letter {
        Letter {
            seed: self.seed,
            address: self.address.clone(),
            sizes: self.sizes,
            id,
            thread: meta.thread,
            date: meta.internal_date,
            outgoing: meta.labels.has(crate::labels::SENT) || meta.labels.has(crate::labels::DRAFT),
            source: meta.source.clone(),
        }
    }

    /// Makes every page token given so far invalid.
    pub fn expire_page_tokens(&mut self) {
        self.token_epoch += 1;
    }

    fn put(&mut self, id: MsgId, meta: Meta) {
        self.order.insert((Reverse(meta.internal_date), Reverse(id)));
        *self.threads.entry(meta.thread).or_default() += 1;
        self.messages.insert(id, meta);
    }

    fn take(&mut self, id: MsgId) -> Option<Meta> {
        let meta = self.messages.remove(&id)?;
        self.order.remove(&(Reverse(meta.internal_date), Reverse(id)));
        if let Some(count) = self.threads.get_mut(&meta.thread) {
            *count -= 1;
            if *count == 0 {
                self.threads.remove(&meta.thread);
            }
        }
        Some(meta)
    }
}
