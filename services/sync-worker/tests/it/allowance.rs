//! A first sync under Google's quota of 2026: how much of what is allowed it uses, what it is refused, and what a kill costs.
//! Engine and simulator share one clock, which runs `BACKFILL_PACE` times as fast as the machine's.
//!
//! CI tries a few hundred mails. On a machine with nothing else to do, in release:
//! `BACKFILL_MAILS=100000 BACKFILL_PACE=60 cargo nextest run --release -p postrider-sync-worker -E 'test(allowance::)' --no-capture`

#![expect(clippy::disallowed_methods, reason = "how large the trial is, asked for by hand")]

#[cfg(test)]
mod kills;
#[cfg(test)]
mod live_mail;
#[cfg(test)]
mod look_back;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::TimeDelta;
use postrider_domain::{Clock, HistoryId, MessageId, MockClock, Seams, Timestamp};
use postrider_gmail::quota::{GovernorConfig, LocalSlices, ProjectGate, QuotaSetting, SliceRule};
use postrider_gmail::{
    GmailApi, GmailError, Governed, Governor, HistoryPage, IdPage, Label, Lane, LimitKind, ListPage, MailMeta, Profile,
    RawMail, Room, WatchAnswer, WatchRequest,
};
use postrider_gmail_sim::gate::{Gate, Method, Quota};
use postrider_gmail_sim::{MailboxSpec, Sizes, World};
use postrider_sync_worker::engine::{Engine, GmailAccess, GmailLanes, Settings};
use postrider_sync_worker::error::EngineError;
use postrider_sync_worker::store::buckets::SharedUnits;
use postrider_sync_worker::store::mailboxes::due::Leased;
use postrider_testing::db::TestDb;

use crate::gmail::SimGmail;
use crate::harness::{Ids, database, engine_with, mailbox_number, quick};

/// What a call takes, of the clock's time.
const LATENCY: Duration = Duration::from_millis(150);

fn setting(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |value| value.parse().unwrap())
}

/// A clock that runs faster.
#[derive(Debug)]
struct Fast {
    begun: Instant,
    from: Timestamp,
    pace: u32,
}

impl Clock for Fast {
    fn now(&self) -> Timestamp {
        self.from + TimeDelta::from_std(self.begun.elapsed() * self.pace).unwrap()
    }
}

/// The simulated mailbox behind Google's gate.
#[derive(Clone)]
struct Gated {
    sim: SimGmail,
    gate: Arc<Gate>,
    clock: Arc<Fast>,
    fetched: Arc<Mutex<HashMap<MessageId, u32>>>,
    /// When it refused, and whether for too many calls at once.
    refused: Arc<Mutex<Vec<(Timestamp, bool)>>>,
}

impl Gated {
    async fn pass(&self, method: Method) -> Result<postrider_gmail_sim::gate::Permit, GmailError> {
        let now = self.clock.now();
        match self.gate.admit(&self.sim.address, method, None, now).permit {
            Ok(permit) => {
                tokio::time::sleep(LATENCY / self.clock.pace).await;
                Ok(permit)
            }
            Err(refused) => {
                let crowd = refused.message.contains("concurrent");
                self.refused.lock().unwrap().push((now, crowd));
                let kind = if crowd { LimitKind::Concurrency } else { LimitKind::Quota };
                Err(GmailError::RateLimited { kind, retry_at: None })
            }
        }
    }
}

#[async_trait]
impl GmailApi for Gated {
    async fn profile(&self) -> Result<Profile, GmailError> {
        let _permit = self.pass(Method::GetProfile).await?;
        self.sim.profile().await
    }

    async fn list_messages(&self, page: &ListPage<'_>) -> Result<IdPage, GmailError> {
        let _permit = self.pass(Method::MessagesList).await?;
        self.sim.list_messages(page).await
    }

    async fn get_raw(&self, id: &MessageId, room: &Room) -> Result<RawMail, GmailError> {
        let _permit = self.pass(Method::MessagesGet).await?;
        *self.fetched.lock().unwrap().entry(id.clone()).or_default() += 1;
        self.sim.get_raw(id, room).await
    }

    async fn get_minimal(&self, id: &MessageId) -> Result<MailMeta, GmailError> {
        let _permit = self.pass(Method::MessagesGet).await?;
        self.sim.get_minimal(id).await
    }

    async fn history(&self, start: HistoryId, page_token: Option<&str>) -> Result<HistoryPage, GmailError> {
        let _permit = self.pass(Method::HistoryList).await?;
        self.sim.history(start, page_token).await
    }

    async fn labels(&self) -> Result<Vec<Label>, GmailError> {
        let _permit = self.pass(Method::LabelsList).await?;
        self.sim.labels().await
    }

    async fn watch(&self, _request: &WatchRequest) -> Result<WatchAnswer, GmailError> {
        unreachable!("sync-worker starts no watch")
    }

    async fn stop(&self) -> Result<(), GmailError> {
        unreachable!("sync-worker stops no watch")
    }
}

/// The mailbox's governor, as one lease has it.
struct Lanes {
    gmail: Arc<dyn GmailApi>,
    governor: Governor,
    units: SharedUnits,
}

#[async_trait]
impl GmailLanes for Lanes {
    fn lane(&self, lane: Lane) -> Arc<dyn GmailApi> {
        Arc::new(Governed::new(self.gmail.clone(), self.governor.clone(), lane))
    }

    fn concurrency(&self) -> usize {
        self.governor.concurrency() as usize
    }

    async fn checkpoint(&self) {
        let unspent = self.governor.take_unspent();
        self.units.give_back(unspent, self.governor.concurrency()).await.unwrap();
    }
}

struct Access {
    test: postrider_storage::Db,
    seams: Seams,
    gmail: Gated,
}

#[async_trait]
impl GmailAccess for Access {
    async fn open(&self, leased: &Leased) -> Result<Arc<dyn GmailLanes>, EngineError> {
        let quota = QuotaSetting::gmail_2026();
        let config = GovernorConfig { quota, pace: self.gmail.clock.pace, ..GovernorConfig::default() };
        let units = SharedUnits::new(self.test.clone(), self.seams.clone(), &leased.mailbox.google_sub, &quota);
        let rule = SliceRule::new(quota.limits.sync_share(quota.costs.dearest()), quota.costs.dearest());
        let clock = self.seams.clock.clone();
        let project = Arc::new(ProjectGate::new(rule, Arc::new(LocalSlices::default()), clock.clone()));
        let governor = Governor::new(config, Arc::new(units.clone()), project, clock);
        if let Some((concurrency, _)) = units.felt().await? {
            governor.resume(concurrency);
        }
        Ok(Arc::new(Lanes { gmail: Arc::new(self.gmail.clone()), governor, units }))
    }
}

struct Case {
    test: TestDb,
    ids: Ids,
    gmail: Gated,
    engine: Engine,
    clock: Arc<Fast>,
}

async fn case(seed: u64, mails: u32, pace: u32) -> Case {
    case_with(seed, mails, pace, Settings { live_tick: Duration::from_millis(20), ..quick() }).await
}

async fn case_with(seed: u64, mails: u32, pace: u32, settings: Settings) -> Case {
    let test = database().await;
    let ids = Ids::of(seed);
    ids.connect(&test.db, "sub").await;
    let clock = Arc::new(Fast { begun: Instant::now(), from: ids.clock.now(), pace });
    let seams = Seams::seeded(clock.clone(), seed);
    let world = World::new(seed, clock.clone());
    world.create_mailbox(&MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), mails) }).unwrap();
    let gmail = Gated {
        sim: SimGmail::new(world, &ids.address, MockClock::default(), seed, 500),
        gate: Arc::new(Gate::new(Quota::gmail_2026(), seed)),
        clock: clock.clone(),
        fetched: Arc::default(),
        refused: Arc::default(),
    };
    let access = Access { test: test.db.clone(), seams: seams.clone(), gmail: gmail.clone() };
    let settings = Settings {
        backfill_slice: Settings::default().backfill_slice / pace,
        backfill_turn: Settings::default().backfill_turn / pace,
        max_ahead_bytes: Settings::default().max_ahead_bytes,
        ..settings
    };
    let engine = engine_with(&test.db, access, seams, "one", settings);
    Case { test, ids, gmail, engine, clock }
}

impl Case {
    async fn is_done(&self) -> bool {
        let text = "SELECT count(*) AS value FROM mailboxes WHERE connector_id = $1 AND first_synced_at IS NOT NULL";
        mailbox_number(&self.test.db, self.ids.connector, text).await == 1
    }

    fn fetches(&self) -> (u32, u32) {
        let fetched = self.gmail.fetched.lock().unwrap();
        (fetched.len() as u32, fetched.values().sum())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_sync_uses_what_is_allowed_and_is_not_refused() {
    let large = std::env::var("BACKFILL_MAILS").is_ok();
    let (mails, pace) = (setting("BACKFILL_MAILS", 500), setting("BACKFILL_PACE", 20));
    let case = case(97, mails, pace).await;
    let begun = case.clock.now();
    let (mut after_first, mut first_spent) = (None, 0);
    while !case.is_done().await {
        if !case.engine.run_mailbox(case.ids.connector).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        if after_first.is_none() && case.clock.now() - begun >= TimeDelta::minutes(1) {
            (after_first, first_spent) = (Some(case.clock.now()), case.gmail.gate.stats().units);
        }
    }
    let refused = case.gmail.refused.lock().unwrap().clone();
    let late: Vec<bool> =
        refused.iter().filter(|(at, _)| *at - begun > TimeDelta::minutes(1)).map(|(_, crowd)| *crowd).collect();
    let minutes = (case.clock.now() - after_first.unwrap_or(begun)).as_seconds_f64() / 60.0;
    let spent = (case.gmail.gate.stats().units - first_spent) as f64;
    let share = spent / (minutes * 6_000.0);
    let crowds = late.iter().filter(|crowd| **crowd).count();
    println!(
        "{mails} mails at x{pace}: {:.1} % of the allowed units in {minutes:.1} minutes, {} refused by the quota, {crowds} for \
         too many at once, {} in the first minute",
        share * 100.0,
        late.len() - crowds,
        refused.len() - late.len()
    );
    assert_eq!(case.fetches(), (mails, mails));
    assert_eq!(late.len() - crowds, 0, "refused by the quota after the first minute");
    // Speed is for a machine with nothing else to do.
    assert!(!large || share >= 0.95, "{share}");
    assert!(!large || crowds as f64 <= minutes, "{crowds} in {minutes} minutes");
}
