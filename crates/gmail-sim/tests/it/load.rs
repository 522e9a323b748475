//! How fast the simulator is. Not part of the usual run: `cargo test --release -p gmail-sim -- --ignored --nocapture`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use postrider_gmail_sim::Sizes;

use crate::client::{ADDRESS, start};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures; needs a release build and an idle machine"]
async fn raw_gets_a_second() {
    for sizes in [Sizes::Small, Sizes::Realistic] {
        let client = start(20_000, |config| config.mailboxes[0].sizes = sizes).await;
        let ids: Arc<Vec<String>> = Arc::new(client.server.world().truth(ADDRESS).unwrap().into_keys().collect());
        let (next, bytes, started) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Instant::now());
        let tasks = tokio_util::task::TaskTracker::new();
        for _ in 0..32 {
            let (ids, next, bytes) = (ids.clone(), next.clone(), bytes.clone());
            let (base, token) = (client.server.base_url(), client.token.clone());
            let http = client.http.clone();
            tasks.spawn(async move {
                while started.elapsed() < Duration::from_secs(4) {
                    let id = &ids[next.fetch_add(1, Ordering::Relaxed) % ids.len()];
                    let url = format!("{base}/gmail/v1/users/me/messages/{id}?format=raw");
                    let body = http.get(url).bearer_auth(&token).send().await.unwrap().bytes().await.unwrap();
                    bytes.fetch_add(body.len(), Ordering::Relaxed);
                }
            });
        }
        tasks.close();
        tasks.wait().await;
        let seconds = started.elapsed().as_secs_f64();
        let (done, bytes) = (next.load(Ordering::Relaxed) as f64, bytes.load(Ordering::Relaxed) as f64);
        println!(
            "{sizes:?}: {:.0} gets/s, {:.1} KB each, {:.0} MB/s",
            done / seconds,
            bytes / done / 1e3,
            bytes / seconds / 1e6
        );
    }
}
