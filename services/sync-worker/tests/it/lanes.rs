//! A simulated mailbox whose lanes are told apart: what each asked, and what each is refused.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use postrider_domain::{ConnectorId, HistoryId, MessageId};
use postrider_gmail::{
    GmailApi, GmailError, HistoryPage, IdPage, Label, Lane, ListPage, MailMeta, Profile, RawMail, Room, WatchAnswer,
    WatchRequest,
};
use postrider_sync_worker::engine::{GmailAccess, GmailLanes, Refused};
use postrider_sync_worker::error::EngineError;
use postrider_sync_worker::store::mailboxes::due::Leased;

use crate::gmail::SimGmail;

/// What a call answers instead of Gmail: asked with the lane and the number of the lane's calls before it.
type Refuse = dyn Fn(Lane, u32) -> Option<GmailError> + Send + Sync;

#[derive(Clone)]
pub struct LanedGmail {
    sim: SimGmail,
    refuse: Arc<Mutex<Arc<Refuse>>>,
    calls: Arc<Mutex<HashMap<Lane, u32>>>,
    told: Arc<Mutex<Vec<Refused>>>,
    applied: Arc<AtomicBool>,
}

impl LanedGmail {
    pub fn new(sim: SimGmail) -> Self {
        Self {
            sim,
            refuse: Arc::new(Mutex::new(Arc::new(|_, _| None))),
            calls: Arc::default(),
            told: Arc::default(),
            applied: Arc::new(AtomicBool::new(true)),
        }
    }

    /// Refuses from now on, counting from nothing.
    pub fn refuse(&self, refuse: impl Fn(Lane, u32) -> Option<GmailError> + Send + Sync + 'static) {
        *self.refuse.lock().unwrap() = Arc::new(refuse);
        self.calls.lock().unwrap().clear();
    }

    /// What connector answers when it is told of a refusal.
    pub fn connector_applies(&self, applied: bool) {
        self.applied.store(applied, Ordering::Relaxed);
    }

    /// What connector was told.
    pub fn told(&self) -> Vec<Refused> {
        self.told.lock().unwrap().clone()
    }

    /// Calls of a lane since then.
    pub fn calls(&self, lane: Lane) -> u32 {
        self.calls.lock().unwrap().get(&lane).copied().unwrap_or_default()
    }
}

struct OneLane {
    of: LanedGmail,
    lane: Lane,
}

impl OneLane {
    fn ask(&self) -> Result<&SimGmail, GmailError> {
        let before = {
            let mut calls = self.of.calls.lock().unwrap();
            let calls = calls.entry(self.lane).or_default();
            *calls += 1;
            *calls - 1
        };
        let refuse = self.of.refuse.lock().unwrap().clone();
        refuse(self.lane, before).map_or(Ok(&self.of.sim), Err)
    }
}

#[async_trait]
impl GmailApi for OneLane {
    async fn profile(&self) -> Result<Profile, GmailError> {
        self.ask()?.profile().await
    }

    async fn list_messages(&self, page: &ListPage<'_>) -> Result<IdPage, GmailError> {
        self.ask()?.list_messages(page).await
    }

    async fn get_raw(&self, id: &MessageId, room: &Room) -> Result<RawMail, GmailError> {
        self.ask()?.get_raw(id, room).await
    }

    async fn get_minimal(&self, id: &MessageId) -> Result<MailMeta, GmailError> {
        self.ask()?.get_minimal(id).await
    }

    async fn history(&self, start: HistoryId, page_token: Option<&str>) -> Result<HistoryPage, GmailError> {
        self.ask()?.history(start, page_token).await
    }

    async fn labels(&self) -> Result<Vec<Label>, GmailError> {
        self.ask()?.labels().await
    }

    async fn watch(&self, request: &WatchRequest) -> Result<WatchAnswer, GmailError> {
        self.ask()?.watch(request).await
    }

    async fn stop(&self) -> Result<(), GmailError> {
        self.ask()?.stop().await
    }
}

#[async_trait]
impl GmailLanes for LanedGmail {
    fn lane(&self, lane: Lane) -> Arc<dyn GmailApi> {
        Arc::new(OneLane { of: self.clone(), lane })
    }

    fn concurrency(&self) -> usize {
        self.sim.concurrency()
    }

    async fn checkpoint(&self) {}
}

#[async_trait]
impl GmailAccess for LanedGmail {
    async fn open(&self, _leased: &Leased) -> Result<Arc<dyn GmailLanes>, EngineError> {
        Ok(Arc::new(self.clone()))
    }

    async fn refused(&self, _connector: ConnectorId, reason: Refused) -> Result<bool, EngineError> {
        self.told.lock().unwrap().push(reason);
        Ok(self.applied.load(Ordering::Relaxed))
    }
}
