//! Law 3 against the truth: what the simulator really put into the mailbox's history, noted before it is forgotten
//! there, is what the ledger and the record of changes have, entry by entry, however late it came to light.

use std::collections::{BTreeMap, BTreeSet};

use postrider_domain::HistoryId;
use postrider_gmail_sim::{MsgId, World};
use postrider_storage::{Db, row, sql};

use crate::harness::Ids;

/// One message in one list of one record: (record, list, message).
type Entry = (u64, String, String);

/// The histories of a mailbox; a further one begins when it is created anew.
pub struct Recorded {
    world: World,
    address: String,
    all: Vec<BTreeSet<Entry>>,
}

impl Recorded {
    pub fn of(world: &World, address: &str) -> Self {
        Self { world: world.clone(), address: address.to_owned(), all: vec![BTreeSet::new()] }
    }

    /// The mailbox was created just now.
    pub fn start_over(&mut self) {
        self.all.push(BTreeSet::new());
    }

    /// Notes all that is there, seen by anybody or not, before it may be forgotten.
    pub fn note(&mut self) {
        let present = self.all.last_mut().unwrap();
        for record in self.world.true_history(&self.address).unwrap() {
            let lists = [
                ("added", &record.messages_added),
                ("deleted", &record.messages_deleted),
                ("labels_added", &record.labels_added),
                ("labels_removed", &record.labels_removed),
            ];
            let mut note = |kind: &str, message: MsgId| {
                present.insert((record.id, kind.to_owned(), message.to_string()));
            };
            for (kind, list) in lists {
                list.iter().for_each(|change| note(kind, change.message));
            }
            record.bare.iter().for_each(|(message, _)| note("named", *message));
        }
    }

    /// Every entry behind the present generation's boundary is in the mirror's own record of changes once; so is no
    /// entry, of any generation, that history never had. The ledger has seen exactly these.
    pub async fn check(&self, db: &Db, ids: &Ids, seen: i64) -> Result<(), String> {
        let (changes, boundaries) = (changes(db, ids).await, boundaries(db, ids).await);
        let counted = changes.values().map(Vec::len).sum::<usize>();
        if i64::try_from(counted).unwrap() != seen {
            return Err(format!("the ledger has seen {seen} entries, the record of changes has {counted}"));
        }
        let (present, boundary) = boundaries.last_key_value().ok_or("no run began a generation")?;
        let ever: BTreeSet<&Entry> = self.all.iter().flatten().collect();
        for (generation, mine) in &changes {
            let unique: BTreeSet<&Entry> = mine.iter().collect();
            if unique.len() != mine.len() {
                return Err(format!("generation {generation} has an entry twice: {mine:?}"));
            }
            if let Some(invented) = unique.difference(&ever).next() {
                return Err(format!("generation {generation} has {invented:?}, which history never had"));
            }
        }
        let mine: BTreeSet<&Entry> = changes.get(present).into_iter().flatten().collect();
        let history = &self.all[self.all.len() - 1];
        match history.iter().find(|entry| entry.0 > *boundary && !mine.contains(entry)) {
            Some(missed) => Err(format!("generation {present} never saw {missed:?} behind {boundary}")),
            None => Ok(()),
        }
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
