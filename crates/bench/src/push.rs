//! (a) Acknowledged pushes a second: signed pushes to `ingest-webhook`, beside the bare handler.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_cli::stack::Member;
use postrider_e2e::{World, client};
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::Instant;

use crate::report::Report;

const PORT_BASE: u16 = 24_000;
/// Requests under way at once.
const CONNECTIONS: u64 = 64;
const PATH: &str = "/api/email/webhook/google/pubsub";

/// Measures both, alternating, so that a noisy moment hits both.
pub async fn run(report: &mut Report, seconds: u64) -> Result<()> {
    let world = crate::stack::start(PORT_BASE).await;
    let env = world.stack.env_of(Member::Ingest)?;
    let bare_port = PORT_BASE + 50;
    let mut bare = Command::new(std::env::current_exe()?)
        .args(["bare-intake", "--port", &bare_port.to_string()])
        .env("BENCH_AMQP_URL", env.get("AMQP_URL").context("the stack names the broker")?)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let bare_url = format!("http://127.0.0.1:{bare_port}/");
    postrider_e2e::eventually("the bare handler publishes", async || {
        client::http().post(&bare_url).body("x").send().await.is_ok_and(|answer| answer.status() == 202)
    })
    .await;
    let token = token(&world, &env).await?;
    let ours = format!("{}{PATH}", world.stack.url(Member::Ingest));
    let subscription = env.get("PUBSUB_SUBSCRIPTION").cloned().unwrap_or_default();
    let slice = Duration::from_secs(seconds.max(4) / 4);
    let (mut accepted, mut limit) = (0.0, 0.0);
    for _ in 0..2 {
        limit += load(&bare_url, None, &subscription, slice).await?;
        accepted += load(&ours, Some(&token), &subscription, slice).await?;
    }
    let (accepted, limit) = (accepted / 2.0, limit / 2.0);
    report.add("push", "acknowledged pushes", accepted, "/s");
    report.add("push", "bare handler that publishes the same bytes", limit, "/s");
    report.add_with_aim("push", "ratio", accepted / limit, "", 0.6);
    bare.start_kill()?;
    Ok(())
}

/// A token as Google's Pub/Sub signs it; one token serves many pushes for up to an hour, as at Google.
async fn token(world: &World, env: &std::collections::BTreeMap<String, String>) -> Result<String> {
    let setting = |name: &str| env.get(name).cloned().with_context(|| format!("the stack names no {name}"));
    let now = postrider_domain::Seams::system().clock.now().timestamp();
    let claims = json!({
        "iss": "https://accounts.google.com",
        "aud": setting("PUBSUB_AUDIENCE")?,
        "email": setting("PUBSUB_SERVICE_ACCOUNT")?,
        "email_verified": true,
        "sub": "bench",
        "iat": now,
        "exp": now + 3_600,
    });
    let signed = world.sim.post("/sign", claims).await;
    Ok(signed.get("token").and_then(Value::as_str).context("the simulator signs")?.to_owned())
}

/// Sends as fast as answers come; answers acknowledged requests a second.
async fn load(url: &str, token: Option<&str>, subscription: &str, length: Duration) -> Result<f64> {
    let (done, failed) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let start = Instant::now();
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..CONNECTIONS {
        let (done, failed, http) = (done.clone(), failed.clone(), client::http());
        let (url, token, subscription) = (url.to_owned(), token.map(str::to_owned), subscription.to_owned());
        senders.spawn(async move {
            let data = STANDARD.encode(r#"{"emailAddress":"nobody@example.com","historyId":"9876543210"}"#);
            let mut number = 0_u64;
            while start.elapsed() < length {
                number += 1;
                let id = format!("bench-{sender}-{number}-{}", start.elapsed().as_nanos());
                let body = json!({
                    "message": {"data": data, "messageId": id, "publishTime": "2026-01-01T00:00:00Z"},
                    "subscription": subscription,
                });
                let mut request = http.post(&url).header("content-type", "application/json").body(body.to_string());
                if let Some(token) = &token {
                    request = request.bearer_auth(token);
                }
                match request.send().await {
                    Ok(answer) if answer.status() == 202 => done.fetch_add(1, Ordering::Relaxed),
                    _ => failed.fetch_add(1, Ordering::Relaxed),
                };
            }
        });
    }
    senders.join_all().await;
    let failed = failed.load(Ordering::Relaxed);
    ensure!(failed == 0, "{failed} pushes to {url} were not acknowledged");
    Ok(as_f64(done.load(Ordering::Relaxed)) / start.elapsed().as_secs_f64())
}

fn as_f64(n: u64) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}
