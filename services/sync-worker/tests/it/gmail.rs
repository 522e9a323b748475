//! Gmail over the simulator's core, with faults: every call may fail, be slow, or meet a mailbox that just changed.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta};
use postrider_domain::{EmailAddress, HistoryId, LabelId, MessageId, MockClock, ThreadId, Timestamp};
use postrider_gmail::{GmailApi, GmailError, Lane};
use postrider_gmail::{
    HistoryPage, HistoryRecord, IdPage, Label, LabelChange, LabelKind, LimitKind, ListPage, MailMeta, MessageRef,
    Profile, RawMail, Room, WatchAnswer, WatchRequest,
};
use postrider_gmail_sim::dice::Dice;
use postrider_gmail_sim::world::Found;
use postrider_gmail_sim::{ApiError, HistoryQuery, ListQuery, MsgId, World};
use postrider_sync_worker::engine::{GmailAccess, GmailLanes};
use postrider_sync_worker::error::EngineError;
use postrider_sync_worker::store::mailboxes::due::Leased;

use crate::actor::Actor;

/// How often what goes wrong, and how often the mailbox changes under a call.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rates {
    pub missing: f64,
    pub limited: f64,
    pub broken: f64,
    pub slow: f64,
    pub acts: f64,
}

/// What is wrong with a listing.
#[derive(Debug, Default)]
pub struct Listing {
    /// Ends in an error after its first page.
    pub breaks: bool,
    /// Mails it does not name though they are there.
    pub hides: Vec<String>,
}

/// What Gmail refuses, whatever is asked how often.
#[derive(Debug, Default)]
pub struct Refusals {
    /// Mails it answers 500 for.
    pub mails: Vec<String>,
    /// Good tokens.
    pub tokens: bool,
}

/// How history tells of mail.
#[derive(Debug, Default)]
pub struct Told {
    /// Entries of new mail name no message.
    pub nameless: bool,
}

/// Gmail for one simulated mailbox.
#[derive(Clone)]
pub struct SimGmail {
    pub world: World,
    pub address: String,
    pub clock: MockClock,
    pub actor: Option<Actor>,
    pub page: usize,
    pub listing: Arc<Mutex<Listing>>,
    pub refusals: Arc<Mutex<Refusals>>,
    pub told: Arc<Mutex<Told>>,
    /// The profile tells of a mail more than there is.
    pub miscounts: Arc<AtomicBool>,
    inner: Arc<Mutex<(Rates, Dice)>>,
    spent: Arc<AtomicU64>,
}

impl SimGmail {
    pub fn new(world: World, address: &str, clock: MockClock, seed: u64, page: usize) -> Self {
        let inner = Arc::new(Mutex::new((Rates::default(), Dice::derive(seed, 99))));
        Self {
            world,
            address: address.to_owned(),
            clock,
            actor: None,
            page,
            listing: Arc::default(),
            miscounts: Arc::default(),
            refusals: Arc::default(),
            told: Arc::default(),
            inner,
            spent: Arc::default(),
        }
    }

    pub fn set_rates(&self, rates: Rates) {
        self.inner.lock().unwrap().0 = rates;
    }

    /// Units spent so far, as Google counts them.
    pub fn units(&self) -> u64 {
        self.spent.load(Ordering::Relaxed)
    }

    /// What may happen to a call, which costs so many units.
    async fn fate(&self, units: u64, get: bool) -> Result<(), GmailError> {
        self.spent.fetch_add(units, Ordering::Relaxed);
        tokio::task::yield_now().await;
        if self.refusals.lock().unwrap().tokens {
            return Err(GmailError::Auth);
        }
        let (rates, [missing, limited, broken, slow, acts], wait) = {
            let (rates, dice) = &mut *self.inner.lock().unwrap();
            (*rates, [(); 5].map(|()| dice.unit()), dice.below(60))
        };
        if acts < rates.acts
            && let Some(actor) = &self.actor
        {
            actor.act();
        }
        if slow < rates.slow {
            self.clock.advance(TimeDelta::seconds(1 + wait as i64 / 10));
        }
        if limited < rates.limited {
            let retry_at = (wait > 30).then(|| self.world.now() + TimeDelta::seconds(wait as i64));
            return Err(GmailError::RateLimited { kind: LimitKind::Concurrency, retry_at });
        }
        if broken < rates.broken {
            return Err(GmailError::transient("500"));
        }
        if get && missing < rates.missing {
            return Err(GmailError::NotFound);
        }
        Ok(())
    }

    fn served(&self, id: &MessageId) -> Result<(), GmailError> {
        let refused = self.refusals.lock().unwrap().mails.contains(&id.to_string());
        if refused { Err(GmailError::transient("500")) } else { Ok(()) }
    }

    fn id(&self, id: &MessageId) -> MsgId {
        id.as_str().parse().unwrap()
    }
}

/// As the answer has it: absent and "0" are the same to the client.
fn internal_date(found: &Found) -> Option<Timestamp> {
    DateTime::from_timestamp_millis(found.internal_date).filter(|_| found.gaps.date.is_none())
}

fn message(id: MsgId) -> MessageId {
    MessageId::parse(id.to_string()).unwrap()
}

fn thread(id: MsgId) -> ThreadId {
    ThreadId::parse(id.to_string()).unwrap()
}

fn labels(ids: &[String]) -> Vec<LabelId> {
    ids.iter().map(|id| LabelId::parse(id.as_str()).unwrap()).collect()
}

fn sorted(error: ApiError) -> GmailError {
    match (error.status, error.reason.as_ref()) {
        (404, _) => GmailError::NotFound,
        // As the classification of real refusals does.
        (400, _) if error.message.to_lowercase().contains("pagetoken") => GmailError::PageGone,
        (400, "failedPrecondition") => GmailError::FailedPrecondition { reason: error.message },
        (400, _) => GmailError::BadRequest { reason: error.message },
        _ => GmailError::transient(error.to_string()),
    }
}

#[async_trait]
impl GmailApi for SimGmail {
    async fn profile(&self) -> Result<Profile, GmailError> {
        self.fate(1, false).await?;
        let profile = self.world.profile(&self.address).map_err(sorted)?;
        Ok(Profile {
            email: EmailAddress::parse(&profile.email_address).unwrap(),
            messages_total: profile.messages_total as u64 + u64::from(self.miscounts.load(Ordering::Relaxed)),
            threads_total: profile.threads_total as u64,
            history_id: HistoryId(profile.history_id),
        })
    }

    async fn list_messages(&self, page: &ListPage<'_>) -> Result<IdPage, GmailError> {
        self.fate(5, false).await?;
        let query = ListQuery {
            max_results: Some(self.page),
            page_token: page.token.map(str::to_owned),
            label_ids: page.label.iter().map(ToString::to_string).collect(),
            include_spam_trash: page.include_spam_trash,
            after: page.since.map(|since| since.timestamp() - 1),
        };
        let behind_first = page.token.is_some();
        let page = self.world.list_messages(&self.address, &query).map_err(sorted)?;
        let listing = self.listing.lock().unwrap();
        if listing.breaks && behind_first {
            return Err(GmailError::transient("500"));
        }
        let named = page.messages.into_iter().filter(|(id, _)| !listing.hides.contains(&id.to_string()));
        Ok(IdPage {
            ids: named.map(|(id, of)| (message(id), thread(of))).collect(),
            next_page_token: page.next_page_token,
            result_size_estimate: u64::from(page.result_size_estimate),
        })
    }

    async fn get_raw(&self, id: &MessageId, room: &Room) -> Result<RawMail, GmailError> {
        let mut entry = room.enter().await;
        self.fate(20, true).await?;
        self.served(id)?;
        let found = self.world.get_message(&self.address, self.id(id)).map_err(sorted)?;
        if found.gaps.raw.is_some() {
            return Err(GmailError::NoSource);
        }
        let raw = found.letter.render().raw;
        entry.fit(raw.len()).await;
        Ok(RawMail {
            id: id.clone(),
            thread_id: thread(found.thread),
            labels: labels(&found.labels),
            history_id: HistoryId(found.history_id),
            internal_date: internal_date(&found),
            snippet: String::new(),
            size: raw.len() as u64,
            raw: raw.to_vec().into(),
            weight: entry.hold(),
        })
    }

    async fn get_minimal(&self, id: &MessageId) -> Result<MailMeta, GmailError> {
        self.fate(20, true).await?;
        let found = self.world.get_message(&self.address, self.id(id)).map_err(sorted)?;
        Ok(MailMeta {
            id: id.clone(),
            thread_id: thread(found.thread),
            labels: labels(&found.labels),
            history_id: HistoryId(found.history_id),
            internal_date: internal_date(&found),
            snippet: String::new(),
            size: 0,
        })
    }

    async fn history(&self, start: HistoryId, page_token: Option<&str>) -> Result<HistoryPage, GmailError> {
        self.fate(2, false).await?;
        let query = HistoryQuery {
            start: start.0,
            max_results: Some(self.page),
            page_token: page_token.map(str::to_owned),
            ..HistoryQuery::default()
        };
        let page = self.world.history_list(&self.address, &query).map_err(|error| match sorted(error) {
            GmailError::NotFound => GmailError::HistoryGone,
            other => other,
        })?;
        let mail = |change: &postrider_gmail_sim::mailbox::HistoryChange| MessageRef {
            message_id: message(change.message),
            thread_id: Some(thread(change.thread)),
            labels: None,
        };
        let named = |(id, of): &(MsgId, MsgId)| MessageRef {
            message_id: message(*id),
            thread_id: Some(thread(*of)),
            labels: None,
        };
        let label = |change: &postrider_gmail_sim::mailbox::HistoryChange| LabelChange {
            message_id: message(change.message),
            thread_id: Some(thread(change.thread)),
            labels: labels(&change.labels),
            all_labels: None,
        };
        let nameless = self.told.lock().unwrap().nameless;
        let records = page.records.iter().map(|record| HistoryRecord {
            id: HistoryId(record.id),
            added: record.messages_added.iter().filter(|_| !nameless).map(mail).collect(),
            deleted: record.messages_deleted.iter().map(mail).collect(),
            labels_added: record.labels_added.iter().map(label).collect(),
            labels_removed: record.labels_removed.iter().map(label).collect(),
            named: record.bare.iter().filter(|_| !nameless).map(named).collect(),
            unreadable: if nameless { u32::try_from(record.messages_added.len()).unwrap() } else { 0 },
        });
        Ok(HistoryPage {
            records: records.collect(),
            history_id: HistoryId(page.history_id),
            next_page_token: page.next_page_token,
        })
    }

    async fn labels(&self) -> Result<Vec<Label>, GmailError> {
        self.fate(1, false).await?;
        let listed = self.world.labels_list(&self.address).map_err(sorted)?;
        let one = |label: postrider_gmail_sim::labels::Label| Label {
            id: LabelId::parse(label.id).unwrap(),
            name: label.name,
            kind: LabelKind::User,
            color: None,
        };
        Ok(listed.into_iter().map(one).collect())
    }

    async fn watch(&self, _request: &WatchRequest) -> Result<WatchAnswer, GmailError> {
        unreachable!("sync-worker starts no watch")
    }

    async fn stop(&self) -> Result<(), GmailError> {
        unreachable!("sync-worker stops no watch")
    }
}

#[async_trait]
impl GmailLanes for SimGmail {
    fn lane(&self, _lane: Lane) -> Arc<dyn GmailApi> {
        Arc::new(self.clone())
    }

    fn concurrency(&self) -> usize {
        4
    }

    async fn checkpoint(&self) {}
}

/// Finds the simulated mailbox behind a leased row.
type Find = dyn Fn(&Leased) -> Option<SimGmail> + Send + Sync;

/// Opens the mailboxes of a test.
#[derive(Clone)]
pub struct SimAccess(pub Arc<Find>);

#[async_trait]
impl GmailAccess for SimAccess {
    async fn open(&self, leased: &Leased) -> Result<Arc<dyn GmailLanes>, EngineError> {
        match (self.0)(leased) {
            Some(gmail) => Ok(Arc::new(gmail)),
            None => Err(EngineError::Gmail(GmailError::transient("no such mailbox"))),
        }
    }
}
