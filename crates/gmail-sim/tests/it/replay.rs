//! A small mirror that knows a mailbox only through Gmail's calls.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use postrider_domain::MockClock;
use postrider_gmail_sim::world::{HistoryChange, HistoryRecord};
use postrider_gmail_sim::{ApiError, HistoryQuery, ListQuery, MailboxSpec, MsgId, Sizes, World};

pub const ADDRESS: &str = "demo@example.com";

/// A world with one mailbox of small synthetic mails and a clock that stands still.
pub fn world(size: u32) -> World {
    let world = World::new(42, Arc::new(MockClock::default()));
    world.create_mailbox(&MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ADDRESS, size) }).unwrap();
    world
}

/// Message id → label ids.
pub type State = BTreeMap<String, BTreeSet<String>>;

pub fn truth(world: &World) -> State {
    world.truth(ADDRESS).unwrap().into_iter().map(|(id, truth)| (id, truth.labels)).collect()
}

/// All ids by listing in pages.
pub fn list_all(world: &World, page: usize) -> Vec<MsgId> {
    let mut query = ListQuery { max_results: Some(page), include_spam_trash: true, ..ListQuery::default() };
    let mut ids = Vec::new();
    loop {
        let page = world.list_messages(ADDRESS, &query).unwrap();
        ids.extend(page.messages.into_iter().map(|(id, _)| id));
        match page.next_page_token {
            Some(token) => query.page_token = Some(token),
            None => return ids,
        }
    }
}

/// All records after `start` and the history id of the first page.
pub fn records(world: &World, start: u64, page: usize) -> Result<(Vec<HistoryRecord>, u64), ApiError> {
    let mut query = HistoryQuery { start, max_results: Some(page), ..HistoryQuery::default() };
    let (mut records, mut reached) = (Vec::new(), None);
    loop {
        let page = world.history_list(ADDRESS, &query)?;
        reached.get_or_insert(page.history_id);
        records.extend(page.records);
        match page.next_page_token {
            Some(token) => query.page_token = Some(token),
            None => return Ok((records, reached.unwrap())),
        }
    }
}

/// Applies records; each added message's labels come from the record, as a fetch may find it gone.
pub fn apply(state: &mut State, records: &[HistoryRecord]) {
    for record in records {
        for change in &record.messages_deleted {
            state.remove(&change.message.to_string());
        }
        for change in &record.messages_added {
            state.insert(change.message.to_string(), change.message_labels.iter().cloned().collect());
        }
        let mut touch = |change: &HistoryChange, act: &dyn Fn(&mut BTreeSet<String>, String)| {
            let labels = state.entry(change.message.to_string()).or_default();
            change.labels.iter().for_each(|label| act(labels, label.clone()));
        };
        for change in &record.labels_added {
            touch(change, &|labels, label| _ = labels.insert(label));
        }
        for change in &record.labels_removed {
            touch(change, &|labels, label| _ = labels.remove(&label));
        }
    }
}

/// What a reader that looks at every id it is told of makes of the records after `start`.
pub fn patient(world: &World, state: &mut State, start: u64) {
    let (records, _) = records(world, start, 7).unwrap();
    apply(state, &records);
    for (id, _) in records.iter().flat_map(|record| &record.bare) {
        match world.get_message(ADDRESS, *id) {
            Ok(found) => drop(state.insert(id.to_string(), found.labels.into_iter().collect())),
            Err(_gone) => drop(state.remove(&id.to_string())),
        }
    }
}
