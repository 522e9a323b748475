//! The stop: what was begun is finished, nothing new is taken.

use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{self as routes, ServiceConfig};
use postrider_web::Health;
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::harness::{http, problem, start, start_with};

/// A route that tells when it was entered and answers when it is let go.
#[derive(Clone, Default)]
struct Gate {
    entered: Arc<Notify>,
    release: Arc<Notify>,
}

impl Gate {
    fn routes(&self) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
        let gate = self.clone();
        move |cfg| {
            let gate = gate.clone();
            let wait = move || {
                let gate = gate.clone();
                async move {
                    gate.entered.notify_one();
                    gate.release.notified().await;
                    HttpResponse::Ok().body("done")
                }
            };
            cfg.route("/gate", routes::get().to(wait));
        }
    }
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test awaits the request it spawns")]
async fn the_soft_stop_finishes_requests_and_takes_no_new_ones() {
    let gate = Gate::default();
    let mut server = start_with(Health::new(), gate.routes());
    let url = server.url("/gate");
    let begun = tokio::spawn(async move { http().get(url).send().await.unwrap().text().await.unwrap() });
    gate.entered.notified().await;
    server.cx.shutdown.stop_softly();
    // The admin listener outlives the public one, so that the stop can be watched.
    assert_eq!(http().get(server.admin_url("/health/ready")).send().await.unwrap().status(), 503);
    assert_eq!(http().get(server.admin_url("/health/live")).send().await.unwrap().status(), 200);
    let closed = async { while http().get(server.url("/health/live")).send().await.is_ok() {} };
    timeout(Duration::from_secs(10), closed).await.unwrap();
    assert!(!begun.is_finished() && !server.running.is_finished());
    gate.release.notify_one();
    assert_eq!(begun.await.unwrap(), "done");
    timeout(Duration::from_secs(10), &mut server.running).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "the test awaits the request it spawns")]
async fn the_hard_stop_does_not_wait() {
    let gate = Gate::default();
    let mut server = start_with(Health::new(), gate.routes());
    let url = server.url("/gate");
    let begun = tokio::spawn(async move { http().get(url).send().await });
    gate.entered.notified().await;
    server.cx.shutdown.stop_softly();
    server.cx.shutdown.stop_hard();
    timeout(Duration::from_secs(10), &mut server.running).await.unwrap().unwrap().unwrap();
    // Told to come again, or cut off.
    if let Ok(answer) = begun.await.unwrap() {
        problem(answer, 503, "unavailable").await;
    }
}

#[tokio::test]
async fn a_server_that_is_idle_ends_at_once() {
    let mut server = start();
    problem(http().get(server.url("/no")).send().await.unwrap(), 404, "not_found").await;
    server.cx.shutdown.stop_softly();
    timeout(Duration::from_secs(10), &mut server.running).await.unwrap().unwrap().unwrap();
}
