//! Every mirror is compared with all of its mailbox once a day, whoever does it, and what differs is mended.

use chrono::TimeDelta;
use postrider_contracts::Event as _;
use postrider_contracts::mailbox::MailboxCoverage;
use postrider_domain::{RunKind, RunState};
use postrider_storage::Statement;
use postrider_sync_worker::jobs::{audit, measure};
use postrider_sync_worker::metrics::Metrics;
use postrider_sync_worker::rules::words::RunReason;
use postrider_sync_worker::state::State;
use postrider_sync_worker::store::runs::{self, Run};
use tokio_util::sync::CancellationToken;

use crate::rig::{Rig, rig};

fn replica(rig: &Rig, name: &str) -> State {
    State {
        db: rig.test.replica(),
        seams: rig.ids.seams.clone(),
        engine: rig.engine.clone(),
        metrics: Metrics::new(&prometheus::Registry::new()),
        replica: name.to_owned(),
    }
}

/// Two replicas look at once for what is due.
async fn both_look(rig: &Rig) {
    let (one, two, stop) = (replica(rig, "one"), replica(rig, "two"), CancellationToken::new());
    let (one, two) = tokio::join!(audit::run(&one, &stop), audit::run(&two, &stop));
    one.and(two).unwrap();
}

async fn audits(rig: &Rig) -> Vec<Run> {
    let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
    let mut all = runs::list(&tx, &[rig.ids.connector], None, 100).await.unwrap();
    all.retain(|run| run.kind == RunKind::Audit);
    all
}

async fn execute(rig: &Rig, text: &str) {
    Statement::dynamic(text.to_owned()).execute(&rig.test.admin().await).await.unwrap();
}

/// The oldest mails vanish from the mirror, and no record tells of it.
async fn lose(rig: &Rig, mails: usize) {
    let text = format!(
        "WITH gone AS (DELETE FROM mailbox.emails WHERE email_id IN (SELECT email_id FROM mailbox.emails \
           ORDER BY received_at LIMIT {mails}) RETURNING email_id), \
         s AS (DELETE FROM mailbox.email_sources WHERE email_id IN (SELECT email_id FROM gone)) \
         DELETE FROM mailbox.email_labels WHERE email_id IN (SELECT email_id FROM gone)"
    );
    execute(rig, &text).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_after_the_last_complete_listing_the_mirror_is_compared_and_mended() {
    let rig = rig(71, 30).await;
    both_look(&rig).await;
    assert!(audits(&rig).await.is_empty(), "a mirror that is not there yet");
    rig.live_through(21).await;
    both_look(&rig).await;
    assert!(audits(&rig).await.is_empty(), "it was listed within the day");
    // Behind the service's back two mails vanish.
    lose(&rig, 2).await;
    // Counts have begun an audit today already.
    execute(&rig, "UPDATE mailbox.mailboxes SET recounted_at = caught_up_at").await;
    rig.live_through(3).await;
    assert_eq!(rig.mirrored().await.len(), 28, "no record of history tells of them");
    both_look(&rig).await;
    let queued = audits(&rig).await;
    assert_eq!(
        queued.iter().map(|run| (run.reason, run.state)).collect::<Vec<_>>(),
        [(RunReason::Scheduled, RunState::Queued)]
    );
    let before = rig.gmail.units();
    rig.work().await;
    assert_eq!(rig.labels().await, rig.true_labels());
    // Three pages of ten ids here, two mails, the labels of the newest: never all mails.
    assert!(rig.gmail.units() - before < 30 * 20, "{} units", rig.gmail.units() - before);
    let done = audits(&rig).await.remove(0);
    assert_eq!((done.state, done.new_emails, done.deleted), (RunState::Completed, 2, 0));
    let stream = postrider_contracts::streams::mailbox(rig.ids.connector);
    let events = postrider_events::streams::read_events(&rig.test.db, &stream, 0, 10_000).await.unwrap();
    let told = events.iter().filter(|event| event.event_type == MailboxCoverage::TYPE);
    let told: Vec<MailboxCoverage> = told.map(|event| event.decode().unwrap()).collect();
    assert_eq!(
        told.iter().map(|told| (told.in_gmail, told.in_mirror, told.missing)).collect::<Vec<_>>(),
        [(30, 28, 2)]
    );
    // The next one is a day away.
    rig.live_through(21).await;
    both_look(&rig).await;
    assert_eq!(audits(&rig).await.len(), 1);
    // Nobody looks after what its owner has switched off; switched on again it is due.
    execute(&rig, "UPDATE mailbox.mailboxes SET monitored = false").await;
    rig.ids.clock.advance(TimeDelta::hours(30));
    both_look(&rig).await;
    assert_eq!(audits(&rig).await.len(), 1);
    execute(&rig, "UPDATE mailbox.mailboxes SET monitored = true").await;
    both_look(&rig).await;
    both_look(&rig).await;
    assert_eq!(audits(&rig).await.len(), 2, "one at a time");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_measured_for_all_mailboxes() {
    let rig = rig(72, 1).await;
    rig.work().await;
    let state = replica(&rig, "one");
    let measured = async || {
        measure::run(&state).await.unwrap();
        (state.metrics.oldest_due.get(), state.metrics.pushes_waiting.get())
    };
    assert_eq!(measured().await, (0, 0));
    rig.push(rig.head() + 1).await;
    rig.ids.clock.advance(TimeDelta::seconds(40));
    assert_eq!(measured().await, (40, 1));
    // Held back on purpose it is not overdue, and what ended never is.
    execute(&rig, "UPDATE mailbox.mailboxes SET not_before = due_at + interval '30 seconds'").await;
    assert_eq!(measured().await, (10, 1));
    execute(&rig, "UPDATE mailbox.mailboxes SET status = 'paused'").await;
    assert_eq!(measured().await, (0, 0), "nobody follows it now");
    execute(&rig, "UPDATE mailbox.mailboxes SET status = 'active'").await;
    rig.live(61).await;
    assert_eq!(measured().await, (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_is_not_gmails_twice_in_a_row_begins_an_audit_once_a_day() {
    let rig = rig(73, 30).await;
    rig.live_through(4).await;
    let checks = |result: &str| rig.engine.metrics().count_checks.with_label_values(&[result]).get();
    assert!(checks("same") > 0 && checks("off") == 0, "{} and {}", checks("same"), checks("off"));
    // Behind the service's back a mail vanishes. No record of history tells of it, and the audit is hours away.
    lose(&rig, 1).await;
    for _ in 0..30 {
        rig.ids.clock.advance(TimeDelta::minutes(1));
        rig.work().await;
    }
    assert_eq!(rig.labels().await, rig.true_labels(), "mended within half an hour");
    assert_eq!((checks("off"), checks("audit"), audits(&rig).await.len()), (1, 1, 1));
    // What an audit does not mend begins no other one that day.
    rig.gmail.miscounts.store(true, std::sync::atomic::Ordering::Relaxed);
    for _ in 0..40 {
        rig.ids.clock.advance(TimeDelta::minutes(10));
        rig.work().await;
    }
    assert!(checks("off") > 20);
    assert_eq!((checks("audit"), audits(&rig).await.len()), (1, 1));
}
