//! One case: what happens, in an order that follows from the seed.

use std::pin::pin;
use std::sync::Arc;

use chrono::TimeDelta;
use postrider_contracts::TraceContext;
use postrider_domain::{EmailAddress, HistoryId, RunId, RunKind};
use postrider_gmail_sim::dice::Dice;
use postrider_gmail_sim::mailbox::{Lag, Quirks};
use postrider_gmail_sim::{Faults, MailboxSpec, Notification, Sizes, WatchRequest, World};
use postrider_storage::Db;
use postrider_sync_worker::engine::Engine;
use postrider_sync_worker::store::queue::{self, Push};
use postrider_sync_worker::store::runs::{self, Request};

use super::history::Recorded;
use crate::actor::Actor;
use crate::gmail::{Rates, SimAccess, SimGmail};
use crate::harness::{Ids, announced, bury_holder, early_looks, engine, expire_lease, ledger, within};

/// What the cases met: how many of them each thing happened in.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Met {
    gaps: u64,
    parked: u64,
    fenced: u64,
    limited: u64,
    early: u64,
    announced: u64,
    /// Entries of the history were seen to.
    seen: u64,
}

impl Met {
    pub(super) fn add(&mut self, other: Self) {
        self.gaps += other.gaps;
        self.parked += other.parked;
        self.fenced += other.fenced;
        self.limited += other.limited;
        self.early += other.early;
        self.announced += other.announced;
        self.seen += other.seen;
    }

    pub(super) fn is_full(&self) -> bool {
        let all = [self.gaps, self.parked, self.fenced, self.limited, self.early, self.announced, self.seen];
        all.iter().all(|count| *count >= 5)
    }
}

/// One mailbox, what happens to it, and two processes that mirror it.
pub(super) struct Case {
    pub(super) db: Db,
    pub(super) ids: Ids,
    pub(super) world: World,
    pub(super) actor: Actor,
    pub(super) history: Recorded,
    gmail: SimGmail,
    engines: [Engine; 2],
    dice: Dice,
    pushes: Vec<Notification>,
    recreated: bool,
}

/// Runs one case to its end.
pub(super) async fn run(db: &Db, seed: u64) -> Result<Met, String> {
    let mut case = Case::new(db, seed);
    case.ids.connect(db, &format!("sub-{seed}")).await;
    let steps = case.dice.between(6, 24);
    for _ in 0..steps {
        Box::pin(case.step()).await;
    }
    Box::pin(case.settle()).await?;
    case.history.note();
    Box::pin(case.check()).await.map_err(|failure| format!("{failure}\n{}", case.actor.log().join("\n")))?;
    Ok(case.met().await)
}

impl Case {
    fn new(db: &Db, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let ids = Ids::of(seed);
        let world = World::new(seed, Arc::new(ids.clock.clone()));
        let size = u32::try_from(dice.below(30)).unwrap();
        let spec = MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), size) };
        world.create_mailbox(&spec).unwrap();
        let topic = "projects/p/topics/t".to_owned();
        world.watch(&ids.address, &WatchRequest { topic, ..WatchRequest::default() }).unwrap();
        let mild = Quirks { empty_page: 0.2, repeated_record: 0.3, ..Quirks::default() };
        let odd = Quirks { ids_back: 0.02, ..Faults::Full.quirks() };
        let quirks = [Quirks::default(), mild, odd, odd][dice.below(4) as usize];
        world.set_quirks(&ids.address, quirks).unwrap();
        if quirks.true_head {
            world.set_lag(&ids.address, Faults::Full.lag()).unwrap();
        }
        let actor = Actor::new(world.clone(), &ids.address, seed);
        let page = usize::try_from(dice.between(2, 20)).unwrap();
        let mut gmail = SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), seed, page);
        gmail.actor = Some(actor.clone());
        let engines = ["a", "b"].map(|owner| {
            let gmail = gmail.clone();
            let access = SimAccess(Arc::new(move |_| Some(gmail.clone())));
            engine(db, access, ids.seams.clone(), owner)
        });
        let history = Recorded::of(&world, &ids.address);
        Self { db: db.clone(), ids, world, actor, history, gmail, engines, dice, pushes: Vec::new(), recreated: false }
    }

    async fn step(&mut self) {
        // Before it may be forgotten.
        self.history.note();
        let rate = |dice: &mut Dice| if dice.chance(0.4) { dice.unit() * 0.25 } else { 0.0 };
        self.gmail.set_rates(Rates {
            missing: rate(&mut self.dice),
            limited: rate(&mut self.dice) / 3.0,
            broken: rate(&mut self.dice) / 2.0,
            slow: rate(&mut self.dice),
            acts: rate(&mut self.dice),
        });
        match self.dice.below(100) {
            0..=29 => {
                for _ in 0..self.dice.between(1, 6) {
                    self.actor.act();
                }
            }
            30..=44 => self.deliver_pushes().await,
            45..=54 => {
                let seconds = [1, 2, 5, 20, 301, 700, 4_000, 20_000][self.dice.below(8) as usize];
                self.ids.clock.advance(TimeDelta::seconds(seconds));
            }
            55..=69 => drop(self.engines[0].run_mailbox(self.ids.connector).await),
            70..=83 => self.crash().await,
            84..=90 => self.lose_lease().await,
            91..=93 => self.ask().await,
            94 => self.world.expire_page_tokens(&self.ids.address).unwrap(),
            95..=97 => {
                let keep = usize::try_from(self.dice.below(4)).unwrap();
                self.actor.say(format!("expire history, keep {keep}"));
                self.world.expire_history(&self.ids.address, keep).unwrap();
            }
            98 if !self.recreated => {
                self.recreated = true;
                self.actor.say("recreate");
                self.world.recreate(&self.ids.address, 7, None).unwrap();
                self.history.start_over();
            }
            _ => {}
        }
    }

    /// Some of the pushes arrive: late ones, repeated ones, in any order; some never.
    async fn deliver_pushes(&mut self) {
        self.pushes.extend(self.world.take_notifications());
        let mut batch = Vec::new();
        for _ in 0..self.pushes.len().min(5) {
            let at = usize::try_from(self.dice.below(self.pushes.len() as u64)).unwrap();
            let push = if self.dice.chance(0.3) { self.pushes[at].clone() } else { self.pushes.swap_remove(at) };
            if !self.dice.chance(0.2) {
                batch.push(push);
            }
            if self.pushes.is_empty() {
                break;
            }
        }
        let pushes: Vec<_> = batch
            .into_iter()
            .map(|push| Push {
                seed: self.ids.seams.ids.uuid(),
                address_key: EmailAddress::parse(&push.email_address).unwrap().lookup_key(),
                history_id: HistoryId(push.history_id),
                source_message_id: push.message_id,
                source: "pubsub".to_owned(),
                published_at: Some(push.publish_time),
                trace: Some(TraceContext::start(self.ids.seams.entropy.as_ref())),
            })
            .collect();
        let tx = self.db.system().await.unwrap();
        let now = postrider_domain::Clock::now(&self.ids.clock);
        queue::enqueue(&tx, &pushes, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The process dies at some await; the lease runs out.
    async fn crash(&mut self) {
        let polls = usize::try_from(self.dice.between(1, 200)).unwrap();
        {
            let mut run = pin!(self.engines[0].run_mailbox(self.ids.connector));
            let ended = within(run.as_mut(), polls).await;
            self.actor.say(format!("crash after {polls} polls: ended {}", ended.is_some()));
        }
        bury_holder(&self.db, self.ids.connector).await;
    }

    /// The holder freezes past its lease, another replica works to the end, the frozen one wakes up.
    async fn lose_lease(&mut self) {
        let polls = usize::try_from(self.dice.between(1, 120)).unwrap();
        let [one, two] = &self.engines;
        let mut frozen = pin!(one.run_mailbox(self.ids.connector));
        let ended = within(frozen.as_mut(), polls).await;
        self.actor.say(format!("freeze after {polls} polls: ended {}", ended.is_some()));
        if expire_lease(&self.db, self.ids.connector).await {
            drop(two.run_mailbox(self.ids.connector).await);
        }
        if ended.is_none() {
            let after = frozen.await;
            self.actor.say(format!("the frozen one ended with {after:?}"));
        }
        bury_holder(&self.db, self.ids.connector).await;
    }

    async fn ask(&mut self) {
        let kind = if self.dice.chance(0.5) { RunKind::Full } else { RunKind::Incremental };
        let id = RunId(self.ids.seams.ids.uuid());
        let mut tx = self.db.tenant(&self.ids.tenant).await.unwrap();
        let (tenant, connector) = (&self.ids.tenant, self.ids.connector);
        let request = Request { tenant, connector, id, kind, max_results: None };
        let now = postrider_domain::Clock::now(&self.ids.clock);
        runs::enqueue(&mut tx, &request, now).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// No more faults and no more changes: after a day of looks at what was parked, everything is known.
    async fn settle(&mut self) -> Result<(), String> {
        self.history.note();
        self.gmail.set_rates(Rates::default());
        self.world.set_lag(&self.ids.address, Lag::default()).unwrap();
        for minutes in [1, 1, 2, 6, 12, 12, 65, 65, 25 * 60, 25 * 60, 6, 25 * 60, 6] {
            self.ids.clock.advance(TimeDelta::minutes(minutes));
            bury_holder(&self.db, self.ids.connector).await;
            for round in 0.. {
                match self.engines[0].run_mailbox(self.ids.connector).await {
                    Ok(true) if round < 50 => {}
                    Ok(true) => return Err("it is always due".to_owned()),
                    Ok(false) => break,
                    Err(error) => {
                        return Err(format!("a quiet mailbox failed: {error}\n{}", self.actor.log().join("\n")));
                    }
                }
            }
        }
        Ok(())
    }

    async fn met(&self) -> Met {
        let counted = |pick: &dyn Fn(&postrider_sync_worker::metrics::Metrics) -> u64| {
            u64::from(self.engines.iter().map(|engine| pick(engine.metrics())).sum::<u64>() > 0)
        };
        let failed = |code: &'static str| counted(&|metrics| metrics.failures.with_label_values(&[code]).get());
        Met {
            gaps: counted(&|metrics| metrics.gaps.get()),
            parked: counted(&|metrics| metrics.entries.with_label_values(&["parked"]).get()),
            fenced: failed("fenced"),
            limited: failed("rate_limited"),
            early: u64::from(early_looks(&self.db, &self.ids).await > 0),
            announced: u64::from(!announced(&self.db, self.ids.connector).await.is_empty()),
            seen: u64::from(ledger(&self.db, &self.ids.tenant, self.ids.connector).await[0] > 0),
        }
    }
}
