//! A backfill is held by what fails in it, and by nothing else; live mail is held by neither.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::TimeDelta;
use postrider_domain::{Clock as _, RunId, RunKind, RunState, Timestamp};
use postrider_gmail::{GmailError, Lane, LimitKind};
use postrider_gmail_sim::{Deliver, MailboxSpec, Sizes, World};
use postrider_storage::{row, sql};
use postrider_sync_worker::engine::{Engine, Settings};
use postrider_sync_worker::store::mailboxes::due;
use postrider_sync_worker::store::runs::{self, Request};
use postrider_testing::db::TestDb;

use crate::gmail::SimGmail;
use crate::harness::{Ids, database, engine, engine_with, mirror, quick};
use crate::lanes::LanedGmail;

struct Case {
    test: TestDb,
    ids: Ids,
    world: World,
    sim: SimGmail,
    gmail: LanedGmail,
    engine: Engine,
}

row! {
    #[derive(Debug)]
    struct RunRow {
        state: RunState,
        attempts: i32,
        not_before: Option<Timestamp>,
        failed: i64,
        deleted: i64,
        error: Option<String>,
    }
}

row! {
    #[derive(Debug)]
    struct MailboxRow {
        attempts: i32,
        not_before: Option<Timestamp>,
        last_error: Option<String>,
    }
}

async fn case(seed: u64, mails: u32) -> Case {
    let test = database().await;
    let ids = Ids::of(seed);
    ids.connect(&test.db, "sub").await;
    let world = World::new(seed, Arc::new(ids.clock.clone()));
    world.create_mailbox(&MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), mails) }).unwrap();
    let sim = SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), seed, 10);
    let gmail = LanedGmail::new(sim.clone());
    let engine = engine(&test.db, gmail.clone(), ids.seams.clone(), "one");
    Case { test, ids, world, sim, gmail, engine }
}

impl Case {
    async fn work(&self) -> bool {
        self.engine.run_mailbox(self.ids.connector).await.unwrap()
    }

    /// Works until nothing is due, without letting time pass.
    async fn settle(&self) {
        while self.work().await {}
    }

    /// A person asks for a look now.
    async fn look(&self) {
        let tx = self.test.db.tenant(&self.ids.tenant).await.unwrap();
        due::ask(&tx, self.ids.connector, self.ids.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn ask_for_a_full_run(&self) {
        let mut tx = self.test.db.tenant(&self.ids.tenant).await.unwrap();
        let (tenant, connector) = (&self.ids.tenant, self.ids.connector);
        let id = RunId(self.ids.seams.ids.uuid());
        let request = Request { tenant, connector, id, kind: RunKind::Full, max_results: None };
        runs::enqueue(&mut tx, &request, self.ids.clock.now()).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// The newest run.
    async fn run(&self) -> RunRow {
        let tx = self.test.db.tenant(&self.ids.tenant).await.unwrap();
        let run = sql("SELECT state, attempts, not_before, failed, deleted, error FROM sync_runs \
             WHERE connector_id = $1 ORDER BY created_at DESC LIMIT 1")
        .bind(self.ids.connector)
        .get_result(&tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
        run
    }

    async fn mailbox(&self) -> MailboxRow {
        let tx = self.test.db.tenant(&self.ids.tenant).await.unwrap();
        let mailbox = sql("SELECT attempts, not_before, last_error FROM mailboxes WHERE connector_id = $1")
            .bind(self.ids.connector)
            .get_result(&tx)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        mailbox
    }

    async fn mirrored(&self) -> Vec<String> {
        mirror(&self.test.db, &self.ids.tenant, self.ids.connector).await.into_keys().collect()
    }

    fn truth(&self) -> Vec<String> {
        self.world.truth(&self.ids.address).unwrap().into_keys().collect()
    }

    /// A mail comes, and reaches the mirror though the run waits.
    async fn live_mail_comes(&self) {
        let new = self.world.deliver(&self.ids.address, Deliver::default()).unwrap().to_string();
        self.look().await;
        self.work().await;
        assert!(self.mirrored().await.contains(&new), "live mail");
    }
}

fn spent() -> GmailError {
    GmailError::RateLimited { kind: LimitKind::Quota, retry_at: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_that_gmail_does_not_serve_hold_a_backfill_for_their_retries_and_no_longer() {
    let case = case(31, 60).await;
    let broken: Vec<String> = case.truth().into_iter().step_by(20).collect();
    case.sim.refusals.lock().unwrap().mails.clone_from(&broken);
    // No time passes: whoever waits, if for five seconds, is not done.
    case.settle().await;
    let run = case.run().await;
    assert_eq!((run.state, run.failed), (RunState::Completed, 3), "{run:?}");
    assert_eq!(case.mirrored().await.len(), 57);
    case.sim.refusals.lock().unwrap().mails.clear();
    case.ids.clock.advance(TimeDelta::minutes(5));
    case.settle().await;
    assert_eq!(case.mirrored().await, case.truth());
}

/// On a slow machine a few calls take longer than the short slice of other tests, and a slice that ends well ends the row of
/// failures.
fn in_one_slice(case: Case) -> Case {
    let minute = Duration::from_secs(60);
    let settings = Settings { backfill_slice: minute, backfill_turn: minute, ..quick() };
    let engine = engine_with(&case.test.db, case.gmail.clone(), case.ids.seams.clone(), "one", settings);
    Case { engine, ..case }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gmail_that_serves_no_mail_at_all_is_not_taken_for_broken_mails() {
    let case = in_one_slice(case(32, 200).await);
    case.sim.refusals.lock().unwrap().mails = case.truth();
    case.settle().await;
    let run = case.run().await;
    assert_eq!((run.state, run.attempts, run.error.as_deref()), (RunState::Fetching, 1, Some("transient")), "{run:?}");
    assert!(run.failed <= 60, "{run:?}");
    case.sim.refusals.lock().unwrap().mails.clear();
    case.ids.clock.advance(TimeDelta::minutes(5));
    case.settle().await;
    assert_eq!(case.mirrored().await, case.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_the_quota_refuses_waits_longer_each_time_and_live_mail_does_not_wait() {
    let case = in_one_slice(case(33, 120).await);
    // Every tenth call is refused: each slice gets somewhere before it is.
    case.gmail.refuse(|lane, before| (lane == Lane::Backfill && before % 10 == 9).then(spent));
    let mut waits = Vec::new();
    for failures in 1..=6 {
        case.work().await;
        let run = case.run().await;
        assert_eq!((run.attempts, run.error.as_deref()), (failures, Some("rate_limited")), "{run:?}");
        waits.push((run.not_before.unwrap() - case.ids.clock.now()).num_milliseconds());
        let asked = case.gmail.calls(Lane::Backfill);
        case.live_mail_comes().await;
        assert_eq!(case.gmail.calls(Lane::Backfill), asked, "the run waits");
        let mailbox = case.mailbox().await;
        assert_eq!((mailbox.attempts, mailbox.not_before, mailbox.last_error), (0, None, None));
        case.ids.clock.advance(run.not_before.unwrap() - case.ids.clock.now());
    }
    // Doubled five times, whatever the jitter.
    assert!(waits.last().unwrap() > &(8 * waits.first().unwrap()), "{waits:?}");
    case.gmail.refuse(|_, _| None);
    case.settle().await;
    assert_eq!(case.run().await.state, RunState::Completed);
    case.ids.clock.advance(TimeDelta::hours(1));
    case.settle().await;
    assert_eq!(case.mirrored().await, case.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_waits_once_live_calls_are_refused_as_well() {
    let case = case(34, 30).await;
    case.settle().await;
    case.gmail.refuse(|_, _| Some(spent()));
    for failures in 1..=3 {
        case.ids.clock.advance(TimeDelta::hours(1));
        assert!(case.engine.run_mailbox(case.ids.connector).await.is_err());
        let mailbox = case.mailbox().await;
        assert_eq!((mailbox.attempts, mailbox.last_error.as_deref()), (failures, Some("rate_limited")));
        assert!(mailbox.not_before.unwrap() > case.ids.clock.now());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_cannot_even_begin_waits_by_itself() {
    let case = case(35, 30).await;
    case.settle().await;
    case.gmail.refuse(|lane, _| (lane == Lane::Asked).then(spent));
    case.ask_for_a_full_run().await;
    for failures in 1..=3 {
        case.work().await;
        let run = case.run().await;
        assert_eq!((run.state, run.attempts), (RunState::Queued, failures), "{run:?}");
        assert_eq!(case.mailbox().await.not_before, None);
        case.live_mail_comes().await;
        assert_eq!(case.run().await.attempts, failures, "it waits");
        case.ids.clock.advance(run.not_before.unwrap() - case.ids.clock.now());
    }
    case.gmail.refuse(|_, _| None);
    case.settle().await;
    assert_eq!(case.run().await.state, RunState::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_backfills_than_connections_for_them_end_all_and_use_no_others() {
    let test = database().await;
    let settings = Settings { run_connections: 1, ..quick() };
    let cases: Vec<Ids> = (0..4).map(|n| Ids::of(370 + n)).collect();
    let mut engines = Vec::new();
    for ids in &cases {
        ids.connect(&test.db, "sub").await;
        let world = World::new(37, Arc::new(ids.clock.clone()));
        world
            .create_mailbox(&MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), 40) })
            .unwrap();
        let gmail = LanedGmail::new(SimGmail::new(world, &ids.address, ids.clock.clone(), 37, 10));
        engines.push(engine_with(&test.db, gmail, ids.seams.clone(), "one", settings.clone()));
    }
    let work = cases
        .iter()
        .zip(&engines)
        .map(|(ids, engine)| async move { while engine.run_mailbox(ids.connector).await.unwrap() {} });
    futures_util::future::join_all(work).await;
    for ids in &cases {
        assert_eq!(mirror(&test.db, &ids.tenant, ids.connector).await.len(), 40);
    }
}

/// The clock moves a few seconds with every call, so that much falls due while the run is at work in one slice.
#[tokio::test(flavor = "multi_thread")]
async fn beside_a_run_what_is_parked_is_looked_at_and_what_is_switched_off_is_not() {
    // So many that the run outlasts the look, which waits for its turn at the mailbox's row with each of its commits.
    let case = case(58, 600).await;
    case.settle().await;
    let case = in_one_slice(case);
    let admin = case.test.admin().await;
    for text in [
        "INSERT INTO mailbox.parked_changes (tenant, connector_id, message_id, thread_id, generation, history_id, reason, live, \
           changes, attempts, next_attempt_at, last_error, created_at, updated_at) \
         SELECT tenant, connector_id, message_id, thread_id, generation, history_id, 'poison', false, 0, 3, \
           $1::timestamptz, 'why', now(), now() FROM mailbox.emails ORDER BY received_at DESC LIMIT 1",
        "UPDATE mailbox.mailboxes SET monitored = false, look_back_at = NULL",
        "WITH gone AS (DELETE FROM mailbox.emails WHERE message_id NOT IN (SELECT message_id FROM mailbox.parked_changes) \
           RETURNING email_id), s AS (DELETE FROM mailbox.email_sources WHERE email_id IN (SELECT email_id FROM gone)) \
         DELETE FROM mailbox.email_labels WHERE email_id IN (SELECT email_id FROM gone)",
    ] {
        let due = case.ids.clock.now() + TimeDelta::seconds(90);
        let statement = sql(text);
        let statement = if text.contains("$1") { statement.bind(due) } else { statement };
        statement.execute(&admin).await.unwrap();
    }
    case.ask_for_a_full_run().await;
    case.sim.set_rates(crate::gmail::Rates { slow: 1.0, ..Default::default() });
    let seen = Arc::new(Mutex::new(Vec::new()));
    let noted = seen.clone();
    case.gmail.refuse(move |lane, _| {
        noted.lock().unwrap().push(lane);
        None
    });
    case.work().await;
    let seen = seen.lock().unwrap().clone();
    let run = |lane: &Lane| *lane == Lane::Asked;
    let (first, last) = (seen.iter().position(run).unwrap(), seen.iter().rposition(run).unwrap());
    let beside = &seen[first..last];
    assert!(last - first > 100, "{seen:?}");
    assert!(beside.contains(&Lane::Repair), "the parked mail waited for the end of the run: {seen:?}");
    // The look that was due anyway asks for history and labels; no poll adds another one.
    assert!(beside.iter().filter(|lane| **lane == Lane::Live).count() <= 2, "nobody wants news of it: {seen:?}");
    assert_eq!(case.mirrored().await, case.truth());
}
