//! Law 3 against the truth: what the simulator really put into the mailbox's history, noted before it is forgotten
//! there, is what the ledger and the record of changes have, entry by entry.

use std::collections::{BTreeMap, BTreeSet};

use postrider_domain::HistoryId;
use postrider_gmail_sim::{HistoryQuery, World};
use postrider_storage::{Db, row, sql};

use crate::harness::Ids;

/// One message in one list of one record: (record, list, message).
type Entry = (u64, String, String);

/// The histories of a mailbox; a further one begins when it is created anew.
pub struct Recorded {
    world: World,
    address: String,
    /// Up to where the present one is noted.
    noted: u64,
    all: Vec<BTreeSet<Entry>>,
}

impl Recorded {
    pub fn of(world: &World, address: &str) -> Self {
        let mut recorded = Self { world: world.clone(), address: address.to_owned(), noted: 0, all: Vec::new() };
        recorded.start_over();
        recorded
    }

    /// The mailbox was created just now.
    pub fn start_over(&mut self) {
        self.noted = self.world.profile(&self.address).unwrap().history_id;
        self.all.push(BTreeSet::new());
    }

    /// Notes what can be seen by now and was not noted yet.
    pub fn note(&mut self) {
        let start = self.oldest_start();
        let (mut page_token, present) = (None, self.all.last_mut().unwrap());
        loop {
            let query = HistoryQuery { start, max_results: Some(500), page_token, ..HistoryQuery::default() };
            let page = self.world.history_list(&self.address, &query).unwrap();
            for record in &page.records {
                let lists = [
                    ("added", &record.messages_added),
                    ("deleted", &record.messages_deleted),
                    ("labels_added", &record.labels_added),
                    ("labels_removed", &record.labels_removed),
                ];
                for (name, list) in lists {
                    let entry =
                        |message: &postrider_gmail_sim::MsgId| (record.id, name.to_owned(), message.to_string());
                    present.extend(list.iter().map(|change| entry(&change.message)));
                }
                self.noted = self.noted.max(record.id);
            }
            page_token = page.next_page_token;
            if page_token.is_none() {
                return;
            }
        }
    }

    /// Where to read on. What was forgotten before anybody could see it leaves a gap that the simulator answers 404 for;
    /// nobody was shown it, so it is in no ledger.
    fn oldest_start(&self) -> u64 {
        let is_kept = |start| {
            let query = HistoryQuery { start, max_results: Some(1), ..HistoryQuery::default() };
            self.world.history_list(&self.address, &query).is_ok()
        };
        let (mut gone, mut kept) = (self.noted, self.world.profile(&self.address).unwrap().history_id);
        if is_kept(gone) {
            return gone;
        }
        while kept - gone > 1 {
            let middle = gone + (kept - gone) / 2;
            if is_kept(middle) { kept = middle } else { gone = middle }
        }
        kept
    }

    /// Every entry behind a generation's boundary is in the mirror's own record of changes once, up to the last one it
    /// saw; in the present generation up to the very last. The ledger has seen exactly these.
    pub async fn check(&self, db: &Db, ids: &Ids, seen: i64) -> Result<(), String> {
        let (changes, boundaries) = (changes(db, ids).await, boundaries(db, ids).await);
        let counted = changes.values().map(Vec::len).sum::<usize>();
        if i64::try_from(counted).unwrap() != seen {
            return Err(format!("the ledger has seen {seen} entries, the record of changes has {counted}"));
        }
        let (present, _) = boundaries.last_key_value().ok_or("no run began a generation")?;
        for (generation, boundary) in &boundaries {
            let mine = changes.get(generation).cloned().unwrap_or_default();
            let unique: BTreeSet<Entry> = mine.iter().cloned().collect();
            if unique.len() != mine.len() {
                return Err(format!("generation {generation} has an entry twice: {mine:?}"));
            }
            let last = if generation == present { u64::MAX } else { unique.last().map_or(*boundary, |entry| entry.0) };
            let true_ones = |history: &BTreeSet<Entry>| -> BTreeSet<Entry> {
                history.iter().filter(|entry| entry.0 > *boundary && entry.0 <= last).cloned().collect()
            };
            // History ids start over with a mailbox created anew, so an older generation belongs to one of them.
            let histories = if generation == present { &self.all[self.all.len() - 1..] } else { &self.all[..] };
            if !histories.iter().any(|history| true_ones(history) == unique) {
                let truth: Vec<_> = histories.iter().map(true_ones).collect();
                return Err(format!("generation {generation} saw {unique:?} of {truth:?} after {boundary}"));
            }
        }
        Ok(())
    }
}

async fn changes(db: &Db, ids: &Ids) -> BTreeMap<i32, Vec<Entry>> {
    row! {
        struct Row {
            generation: i32,
            history_id: HistoryId,
            kind: String,
            message_id: String,
        }
    }
    let tx = db.tenant(&ids.tenant).await.unwrap();
    let rows =
        sql("SELECT generation, history_id, kind, message_id FROM changes WHERE tenant = $1 AND connector_id = $2")
            .binds((&ids.tenant, ids.connector))
            .load::<Row>(&tx)
            .await
            .unwrap();
    tx.commit().await.unwrap();
    let mut changes: BTreeMap<i32, Vec<Entry>> = BTreeMap::new();
    for row in rows {
        let entry = (row.history_id.0, row.kind, row.message_id);
        changes.entry(row.generation).or_default().push(entry);
    }
    changes
}

/// Where the history of each generation begins.
async fn boundaries(db: &Db, ids: &Ids) -> BTreeMap<i32, u64> {
    row! {
        struct Row {
            generation: i32,
            boundary: HistoryId,
        }
    }
    let tx = db.tenant(&ids.tenant).await.unwrap();
    let rows = sql("SELECT generation, boundary FROM sync_runs \
         WHERE tenant = $1 AND connector_id = $2 AND reason <> 'asked'")
    .binds((&ids.tenant, ids.connector))
    .load::<Row>(&tx)
    .await
    .unwrap();
    tx.commit().await.unwrap();
    rows.into_iter().map(|row| (row.generation, row.boundary.0)).collect()
}
