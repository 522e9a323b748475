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
