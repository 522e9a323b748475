use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::*;
use crate::Context;

fn count(cx: &Context, metric: &str, task: &str) -> f64 {
    let families = cx.registry.gather();
    let family = families.iter().find(|family| family.name() == metric);
    let of_task = |m: &&prometheus::proto::Metric| m.get_label().iter().any(|label| label.value() == task);
    family.map_or(0.0, |family| family.get_metric().iter().filter(of_task).map(|m| m.get_counter().get_value()).sum())
}

async fn soon(what: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(10), what).await.expect("happens within ten seconds");
}

#[tokio::test]
async fn a_failed_task_is_counted_and_awaited() {
    let cx = Context::for_tests();
    cx.tasks.spawn("fails", async { anyhow::Result::<()>::Err(anyhow::anyhow!("no luck")) });
    cx.tasks.spawn("panics", async { assert_eq!(1, 2, "told on purpose") });
    cx.tasks.spawn("is well", async {});
    soon(cx.tasks.finished()).await;
    assert_eq!(cx.tasks.running(), 0);
    assert_eq!(count(&cx, "postrider_task_failures_total", "fails"), 1.0);
    assert_eq!(count(&cx, "postrider_task_failures_total", "panics"), 1.0);
    assert_eq!(count(&cx, "postrider_task_failures_total", "is well"), 0.0);
}

#[tokio::test]
async fn a_supervised_task_comes_back_after_errors_panics_and_early_ends() {
    let cx = Context::for_tests();
    let runs = Arc::new(AtomicU32::new(0));
    let (reached, mut wait) = tokio::sync::mpsc::channel(1);
    let (counter, shutdown) = (runs.clone(), cx.shutdown.clone());
    cx.tasks.supervise("unsteady", &cx.shutdown, move || {
        let (run, reached, shutdown) = (counter.fetch_add(1, Ordering::SeqCst), reached.clone(), shutdown.clone());
        async move {
            match run {
                0 => anyhow::bail!("first"),
                1 => panic!("second"),
                2 => Ok(()),
                _ => {
                    let _ = reached.send(()).await;
                    shutdown.soft.cancelled().await;
                    Ok(())
                }
            }
        }
    });
    soon(async { wait.recv().await.unwrap() }).await;
    cx.shutdown.stop_softly();
    soon(cx.tasks.finished()).await;
    assert_eq!(runs.load(Ordering::SeqCst), 4);
    assert_eq!(count(&cx, "postrider_task_restarts_total", "unsteady"), 3.0);
    assert_eq!(count(&cx, "postrider_task_failures_total", "unsteady"), 3.0);
}

#[tokio::test]
async fn the_hard_stop_drops_a_supervised_task_that_does_not_listen() {
    let cx = Context::for_tests();
    cx.tasks.supervise("deaf", &cx.shutdown, std::future::pending::<()>);
    cx.shutdown.stop_softly();
    assert_eq!(cx.tasks.running(), 1);
    cx.shutdown.stop_hard();
    soon(cx.tasks.finished()).await;
}

#[tokio::test]
async fn the_soft_stop_ends_the_wait_between_two_runs() {
    let cx = Context::for_tests();
    cx.tasks.supervise("fails at once", &cx.shutdown, || async { anyhow::bail!("always") as anyhow::Result<()> });
    cx.shutdown.stop_softly();
    soon(cx.tasks.finished()).await;
}

const SHORT: Duration = Duration::from_millis(40);
const NEVER: Duration = Duration::from_secs(3_600);

/// A job that says how long it waited for each turn and fails in the first ones.
fn job(cx: &Context, schedule: impl Into<Schedule>, fails: u32) -> tokio::sync::mpsc::Receiver<Duration> {
    let (reached, turns) = tokio::sync::mpsc::channel(16);
    let (mut last, mut turn) = (std::time::Instant::now(), 0);
    cx.tasks.every("job", schedule, &cx.shutdown, move || {
        let (waited, failed, reached) = (last.elapsed(), turn < fails, reached.clone());
        last = std::time::Instant::now();
        turn += 1;
        async move {
            let _stopped = reached.send(waited).await;
            if failed { anyhow::bail!("told") } else { Ok(()) }
        }
    });
    turns
}

#[tokio::test]
async fn a_timed_job_has_its_turns_a_period_apart_until_the_soft_stop() {
    let cx = Context::for_tests();
    let mut turns = job(&cx, SHORT, 0);
    soon(async {
        turns.recv().await.unwrap();
        assert!(turns.recv().await.unwrap() >= SHORT);
        assert!(turns.recv().await.unwrap() >= SHORT);
    })
    .await;
    cx.shutdown.stop_softly();
    soon(cx.tasks.finished()).await;
    let mut at_once = job(&cx, NEVER, 0);
    soon(async { assert!(at_once.recv().await.is_none(), "no turn after the stop") }).await;
}

#[tokio::test]
async fn the_first_turn_may_come_later_and_a_notification_ends_the_wait() {
    let cx = Context::for_tests();
    let notify = Arc::new(tokio::sync::Notify::new());
    let mut at_once = job(&cx, Schedule::every(NEVER).woken_by(notify.clone()), 0);
    soon(async { assert!(at_once.recv().await.unwrap() < NEVER) }).await;
    notify.notify_one();
    soon(async { assert!(at_once.recv().await.unwrap() < NEVER) }).await;
    let mut later = job(&cx, Schedule::every(SHORT).first_later(), 0);
    soon(async { assert!(later.recv().await.unwrap() >= SHORT) }).await;
    cx.shutdown.stop_softly();
    soon(cx.tasks.finished()).await;
}

#[tokio::test]
async fn a_turn_that_fails_is_counted_and_tried_again_soon() {
    let cx = Context::for_tests();
    let mut turns = job(&cx, NEVER, 2);
    for _ in 0..3 {
        soon(async { assert!(turns.recv().await.unwrap() < NEVER) }).await;
    }
    assert_eq!(count(&cx, "postrider_task_failures_total", "job"), 2.0);
    assert_eq!(count(&cx, "postrider_task_restarts_total", "job"), 2.0);
    cx.shutdown.stop_softly();
    soon(cx.tasks.finished()).await;
}

#[tokio::test]
async fn a_turn_under_way_is_finished_at_the_soft_stop_and_dropped_at_the_hard_one() {
    let cx = Context::for_tests();
    let (begun, finish) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (told, waited) = (begun.clone(), finish.clone());
    cx.tasks.every("finishes", SHORT, &cx.shutdown, move || {
        told.notify_one();
        let waited = waited.clone();
        async move { waited.notified().await }
    });
    soon(begun.notified()).await;
    cx.shutdown.stop_softly();
    tokio::time::sleep(SHORT).await;
    assert_eq!(cx.tasks.running(), 1);
    finish.notify_one();
    soon(cx.tasks.finished()).await;
    let cx = Context::for_tests();
    cx.tasks.every("deaf", SHORT, &cx.shutdown, std::future::pending::<()>);
    cx.shutdown.stop_hard();
    soon(cx.tasks.finished()).await;
}
