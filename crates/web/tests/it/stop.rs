//! The stop: what was begun is finished, nothing new is taken.

use std::time::Duration;

use tokio::time::timeout;

use crate::harness::{http, problem, start};

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test awaits the request it spawns")]
async fn the_soft_stop_finishes_requests_and_takes_no_new_ones() {
    let mut server = start();
    let url = server.url("/slow");
    let begun = tokio::spawn(async move { http().get(url).send().await.unwrap().text().await.unwrap() });
    // The request is inside once the server has counted a connection; poll the listener instead of guessing.
    timeout(Duration::from_secs(5), async { while http().get(server.url("/health/live")).send().await.is_err() {} })
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    server.cx.shutdown.stop_softly();
    // The admin listener outlives the public one, so that the stop can be watched.
    let ready = http().get(server.admin_url("/health/ready")).send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert_eq!(begun.await.unwrap(), "done");
    timeout(Duration::from_secs(10), &mut server.running).await.unwrap().unwrap().unwrap();
    assert!(http().get(server.url("/health/live")).send().await.is_err());
}

#[tokio::test]
async fn readiness_ends_with_the_soft_stop_for_those_still_connected() {
    let server = start();
    server.cx.shutdown.soft.cancel();
    let answer = http().get(server.admin_url("/health/live")).send().await;
    if let Ok(answer) = answer {
        assert_eq!(answer.status(), 200);
    }
}

#[tokio::test]
async fn the_hard_stop_does_not_wait() {
    let mut server = start();
    problem(http().get(server.url("/no")).send().await.unwrap(), 404, "not_found").await;
    server.cx.shutdown.stop_hard();
    timeout(Duration::from_secs(5), &mut server.running).await.unwrap().unwrap().unwrap();
}
