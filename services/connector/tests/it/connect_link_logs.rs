//! What is logged of connect links: what became of them, never their tokens.

use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::browser::Browser;
use crate::connect_link_pages::{as_somebody_else, path, press};
use crate::harness::{ANN, BEN, World};
use crate::http_connect_links::make;

/// Everything the process logs at any level, from now on.
#[derive(Clone, Default)]
struct Logs(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Logs {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_logged_at_any_level() {
    let logs = Logs::default();
    let writer = logs.clone();
    let all = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE).with_ansi(false);
    all.with_writer(move || writer.clone()).init();
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let made = make(&world, "ann", json!({"connector_id": id})).await;
    let link = path(&made);
    let word = link.trim_start_matches("/connect/");
    let mut browser = Browser::default();
    let google = as_somebody_else(&press(&world, &mut browser, &link).await);
    let back = browser.consent(&world, &google, BEN).await;
    assert_eq!(browser.open(&world, &back).await.status, 422);
    let google = press(&world, &mut browser, &link).await;
    let back = browser.consent(&world, &google, ANN).await;
    assert_eq!(browser.open(&world, &back).await.status, 200);
    assert_eq!(browser.open(&world, &link).await.status, 404);
    let text = String::from_utf8_lossy(&logs.0.lock().unwrap()).into_owned();
    // What became of it is, by its id.
    for event in ["made", "opened", "refused", "used"] {
        assert!(text.contains(&format!("connect link {}: {event}", made.body["id"].as_str().unwrap())), "{event}");
    }
    // The test's own client is not the service.
    let of_service = |line: &&str| !line.contains("hyper_util::client") && !line.contains("reqwest::");
    let told: Vec<&str> = text.lines().filter(|line| line.contains(word)).filter(of_service).collect();
    assert!(told.is_empty(), "{told:?}");
}
