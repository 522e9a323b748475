//! What Gmail refuses for good: told to who can help, and not asked for again every few minutes.

use std::sync::Arc;

use chrono::TimeDelta;
use postrider_contracts::mailbox::{QuotaWarning, SyncFailed};
use postrider_contracts::{Event as _, streams};
use postrider_domain::{AccountStatus, Clock as _, RunState, Timestamp};
use postrider_gmail::{GmailError, Lane};
use postrider_gmail_sim::{Deliver, MailboxSpec, Sizes, World};
use postrider_storage::{Value, row, sql};
use postrider_sync_worker::engine::{Engine, Refused};
use postrider_testing::db::TestDb;

use crate::gmail::SimGmail;
use crate::harness::{Ids, database, engine, mirror};
use crate::lanes::LanedGmail;

row! {
    #[derive(Debug)]
    struct MailboxRow {
        status: AccountStatus,
        not_before: Option<Timestamp>,
        last_error: Option<String>,
    }
}

struct Case {
    test: TestDb,
    ids: Ids,
    world: World,
    gmail: LanedGmail,
    engine: Engine,
}

async fn case(seed: u64) -> Case {
    let test = database().await;
    let ids = Ids::of(seed);
    ids.connect(&test.db, "sub").await;
    let world = World::new(seed, Arc::new(ids.clock.clone()));
    world.create_mailbox(&MailboxSpec { sizes: Sizes::Small, ..MailboxSpec::new(ids.address.clone(), 20) }).unwrap();
    let gmail = LanedGmail::new(SimGmail::new(world.clone(), &ids.address, ids.clock.clone(), seed, 10));
    let engine = engine(&test.db, gmail.clone(), ids.seams.clone(), "one");
    Case { test, ids, world, gmail, engine }
}

impl Case {
    async fn settle(&self) {
        while self.engine.run_mailbox(self.ids.connector).await.unwrap() {}
    }

    async fn mailbox(&self) -> MailboxRow {
        let tx = self.test.db.system().await.unwrap();
        sql("SELECT status, not_before, last_error FROM mailboxes WHERE connector_id = $1")
            .bind(self.ids.connector)
            .get_result(&tx)
            .await
            .unwrap()
    }

    async fn told(&self, event: &str) -> usize {
        let stream = streams::mailbox(self.ids.connector);
        let events = postrider_events::streams::read_events(&self.test.db, &stream, 0, 10_000).await.unwrap();
        events.iter().filter(|told| told.event_type == event).count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connector_is_told_what_only_the_owner_or_his_administrator_can_end() {
    let refusals = [
        (GmailError::ScopeMissing, Refused::ScopeMissing),
        (GmailError::DomainPolicy, Refused::DomainPolicy),
        (GmailError::MailServiceOff, Refused::MailServiceOff),
    ];
    for (n, (error, reason)) in refusals.into_iter().enumerate() {
        let case = case(41 + n as u64).await;
        case.settle().await;
        case.ids.clock.advance(TimeDelta::hours(1));
        let code = error.code();
        case.gmail.refuse(move |_, _| Some(error.clone()));
        // Its tokens were others by then: the account is leased again soon.
        case.gmail.connector_applies(false);
        assert!(case.engine.run_mailbox(case.ids.connector).await.is_err());
        let mailbox = case.mailbox().await;
        assert_eq!((mailbox.status, mailbox.last_error.as_deref()), (AccountStatus::Active, Some(code)));
        case.ids.clock.advance(TimeDelta::seconds(6));
        case.gmail.connector_applies(true);
        assert!(case.engine.run_mailbox(case.ids.connector).await.is_err());
        assert_eq!(case.mailbox().await.status, AccountStatus::ReauthRequired);
        assert_eq!((case.gmail.told(), case.told(SyncFailed::TYPE).await), (vec![reason; 2], 1));
        case.ids.clock.advance(TimeDelta::days(1));
        assert!(!case.engine.run_mailbox(case.ids.connector).await.unwrap(), "not asked for again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_without_the_api_is_no_accounts_fault_and_asked_again_after_an_hour() {
    let case = case(45).await;
    case.settle().await;
    case.gmail.refuse(|_, _| Some(GmailError::ApiDisabled));
    for _ in 0..7 {
        case.ids.clock.advance(TimeDelta::hours(2));
        assert!(case.engine.run_mailbox(case.ids.connector).await.is_err());
        let mailbox = case.mailbox().await;
        assert_eq!(mailbox.status, AccountStatus::Active);
        assert!(mailbox.not_before.unwrap() >= case.ids.clock.now() + TimeDelta::hours(1));
    }
    assert_eq!((case.gmail.told(), case.told(SyncFailed::TYPE).await), (vec![], 0));
    case.gmail.refuse(|_, _| None);
    let new = case.world.deliver(&case.ids.address, Deliver::default()).unwrap().to_string();
    case.ids.clock.advance(TimeDelta::hours(2));
    case.settle().await;
    assert!(mirror(&case.test.db, &case.ids.tenant, case.ids.connector).await.contains_key(&new));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_day_holds_the_backfill_until_it_ends_tells_its_owner_once_and_spares_live_mail() {
    let case = case(46).await;
    let ends = case.ids.clock.now() + TimeDelta::hours(9);
    case.gmail.refuse(move |lane, n| {
        (lane == Lane::Backfill && n > 2).then_some(GmailError::DailyLimit { retry_at: Some(ends) })
    });
    case.settle().await;
    for _ in 0..3 {
        let new = case.world.deliver(&case.ids.address, Deliver::default()).unwrap().to_string();
        case.ids.clock.advance(TimeDelta::hours(1));
        case.settle().await;
        assert!(mirror(&case.test.db, &case.ids.tenant, case.ids.connector).await.contains_key(&new), "live mail");
    }
    assert_eq!((case.told(QuotaWarning::TYPE).await, case.told(SyncFailed::TYPE).await), (1, 0));
    let asked = case.gmail.calls(Lane::Backfill);
    case.ids.clock.advance(ends - case.ids.clock.now());
    case.gmail.refuse(|_, _| None);
    case.settle().await;
    assert!(asked < 12, "{asked}");
    let tx = case.test.db.tenant(&case.ids.tenant).await.unwrap();
    let state: Value<RunState> = sql("SELECT state AS value FROM sync_runs").get_result(&tx).await.unwrap();
    assert_eq!(state.0, RunState::Completed);
}
