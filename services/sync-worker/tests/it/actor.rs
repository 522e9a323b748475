//! Whoever changes the simulated mailbox: a user, senders, other programs. Random, and remembered for the check.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use postrider_gmail_sim::dice::Dice;
use postrider_gmail_sim::mailbox::{Lag, LagScope};
use postrider_gmail_sim::{Deliver, MsgId, World};

/// What kind of mail came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Mail,
    Sent,
    Import,
}

/// A mail that came while the mailbox was connected.
#[derive(Debug, Clone)]
pub struct Came {
    pub id: MsgId,
    /// The history record that added it.
    pub record: u64,
    pub kind: Kind,
    /// How often the mailbox had been created anew.
    pub generation: u32,
}

/// Changes one mailbox at random.
#[derive(Clone)]
pub struct Actor {
    pub world: World,
    pub address: String,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    dice: Dice,
    came: Vec<Came>,
    drafts: Vec<String>,
    label: String,
    log: Vec<String>,
}

impl Actor {
    pub fn new(world: World, address: &str, seed: u64) -> Self {
        let label = world.create_label(address, "Bills").unwrap();
        let inner =
            Inner { dice: Dice::derive(seed, 77), came: Vec::new(), drafts: Vec::new(), label, log: Vec::new() };
        Self { world, address: address.to_owned(), inner: Arc::new(Mutex::new(inner)) }
    }

    pub fn came(&self) -> Vec<Came> {
        self.inner.lock().unwrap().came.clone()
    }

    pub fn log(&self) -> Vec<String> {
        self.inner.lock().unwrap().log.clone()
    }

    /// Does one thing.
    pub fn act(&self) {
        let mut inner = self.inner.lock().unwrap();
        let (world, address) = (&self.world, self.address.as_str());
        let known: Vec<MsgId> = world.truth(address).unwrap().keys().map(|id| id.parse().unwrap()).collect();
        let some = |dice: &mut Dice| (!known.is_empty()).then(|| known[dice.below(known.len() as u64) as usize]);
        let what = inner.dice.below(112);
        let mut done = format!("{what}");
        match what {
            0..=34 => {
                let id = world.deliver(address, Deliver::default()).unwrap();
                done = format!("deliver {id}");
                self.note(&mut inner, id, Kind::Mail);
            }
            35..=39 => {
                let mails = (0..inner.dice.between(2, 4)).map(|_| Deliver::default()).collect();
                for id in world.deliver_all(address, mails).unwrap() {
                    self.note(&mut inner, id, Kind::Mail);
                }
            }
            40..=49 => {
                if let Some(id) = some(&mut inner.dice) {
                    let _trash_twice_is_fine = world.trash(address, id);
                    done = format!("trash {id}");
                }
            }
            50..=54 => {
                if let Some(id) = some(&mut inner.dice) {
                    let _was_not_there = world.untrash(address, id);
                    done = format!("untrash {id}");
                }
            }
            55..=64 => {
                if let Some(id) = some(&mut inner.dice) {
                    world.delete(address, id).unwrap();
                    done = format!("delete {id}");
                }
            }
            65..=81 => {
                let ids: Vec<MsgId> = (0..inner.dice.between(1, 3)).filter_map(|_| some(&mut inner.dice)).collect();
                let label = inner.label.clone();
                let all = ["STARRED", "UNREAD", "IMPORTANT", "INBOX", label.as_str()];
                let add = all[inner.dice.below(5) as usize];
                let remove = all[inner.dice.below(5) as usize];
                let remove = if remove == add { vec![] } else { vec![remove] };
                let mut ids = ids;
                ids.sort_unstable_by_key(|id| id.0);
                ids.dedup();
                let _no_ids = world.relabel(address, &ids, &[add], &remove);
                done = format!("relabel {ids:?} +{add} -{remove:?}");
            }
            82..=88 => {
                let draft = inner.drafts.last().cloned().filter(|_| what.is_multiple_of(2));
                if let Ok(saved) = world.save_draft(address, draft.as_deref(), Deliver::default())
                    && draft.is_none()
                {
                    inner.drafts.push(saved.draft_id);
                }
                done = "draft".to_owned();
            }
            89..=92 => {
                let draft = inner.drafts.pop();
                if let Ok(id) = world.send(address, draft.as_deref(), Deliver::default()) {
                    done = format!("send {id}");
                    self.note(&mut inner, id, Kind::Sent);
                }
            }
            93..=94 => {
                let old = world.now() - TimeDelta::days(900);
                let mail = Deliver { internal_date: Some(old), ..Deliver::default() };
                let id = world.deliver(address, mail).unwrap();
                done = format!("import {id}");
                self.note(&mut inner, id, Kind::Import);
            }
            95..=96 => world.bump_history(address).unwrap(),
            97..=99 => {
                let span = TimeDelta::seconds(inner.dice.below(8) as i64);
                let scope = if what == 97 { LagScope::NewMail } else { LagScope::Everything };
                world.set_lag(address, Lag { span, scope }).unwrap();
                done = format!("lag {span} {scope:?}");
            }
            100..=107 => {
                if let Some(id) = some(&mut inner.dice) {
                    let (add, remove) = if what < 104 { ("SPAM", "INBOX") } else { ("INBOX", "SPAM") };
                    let _is_there_already = world.relabel(address, &[id], &[add], &[remove]);
                    done = format!("move {id} to {add}");
                }
            }
            // No record tells of it.
            _ => {
                let name = format!("Bills {}", inner.dice.below(1_000));
                let _went_with_the_old_mailbox = world.rename_label(address, &inner.label, &name);
                done = format!("rename to {name}");
            }
        }
        inner.log.push(done);
    }

    pub fn say(&self, text: impl Into<String>) {
        self.inner.lock().unwrap().log.push(text.into());
    }

    fn note(&self, inner: &mut Inner, id: MsgId, kind: Kind) {
        // A mail that comes is its own newest record.
        let record = self.world.truth(&self.address).unwrap()[&id.to_string()].history_id;
        let generation = self.world.generation(&self.address).unwrap();
        inner.came.push(Came { id, record, kind, generation });
    }
}
