//! (b) Mails a second of a first full sync, beside the two things it cannot do without: fetching the same sources and
//! throwing them away, and COPY of the very rows it wrote into tables of the same shape.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, TryStreamExt as _};
use postrider_cli::stack::Member;
use postrider_e2e::{Account, World, client};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_postgres::NoTls;

use crate::report::Report;

const PORT_BASE: u16 = 27_000;
const ADDRESS: &str = "bench@example.com";
/// Gets under way at once in the bare fetch.
const PARALLEL: usize = 32;
const TABLES: [&str; 5] = ["emails", "email_sources", "email_labels", "email_search", "attachments"];

/// Measures one mailbox.
pub async fn run(report: &mut Report, mails: u32) -> Result<()> {
    let world = crate::stack::start(PORT_BASE).await;
    world.sim.post("/mailboxes", json!({"address": ADDRESS, "size": mails, "seed": 5})).await;
    let fetch = fetch_and_discard(&world).await?;
    let start = Instant::now();
    let account = Account::connect(&world, "bench", "bench", ADDRESS).await;
    account.first_sync(&world, Duration::from_secs(1_200)).await;
    let sync = start.elapsed();
    account.mirror_equals_truth(&world, Duration::from_secs(60)).await;
    let copy = copy_rows(&world).await?;
    let n = f64::from(mails);
    report.add("full-sync", format!("first sync of {mails} mails"), n / sync.as_secs_f64(), "mails/s");
    report.add("full-sync", "fetch and discard", n / fetch.as_secs_f64(), "mails/s");
    report.add("full-sync", "COPY of the same rows", n / copy.as_secs_f64(), "mails/s");
    let limit = fetch + copy;
    report.add("full-sync", "fetch, then COPY", n / limit.as_secs_f64(), "mails/s");
    report.add_with_aim("full-sync", "ratio", limit.as_secs_f64() / sync.as_secs_f64(), "", 0.5);
    Ok(())
}

/// Lists all ids, gets every source, drops it.
async fn fetch_and_discard(world: &World) -> Result<Duration> {
    let http = client::http();
    let origin = world.stack.url(Member::GmailSim);
    let token = world.sim.post("/access-token", json!({"account": ADDRESS})).await;
    let token = token.get("access_token").and_then(Value::as_str).context("a token")?.to_owned();
    let start = Instant::now();
    let mut ids = Vec::new();
    let mut page: Option<String> = None;
    loop {
        let mut request = http
            .get(format!("{origin}/gmail/v1/users/me/messages"))
            .query(&[("maxResults", "500"), ("includeSpamTrash", "true")])
            .bearer_auth(&token);
        if let Some(page) = &page {
            request = request.query(&[("pageToken", page)]);
        }
        let answer: Value = request.send().await?.error_for_status()?.json().await?;
        let messages = answer.get("messages").and_then(Value::as_array).cloned().unwrap_or_default();
        ids.extend(messages.iter().filter_map(|message| message.get("id")?.as_str().map(str::to_owned)));
        match answer.get("nextPageToken").and_then(Value::as_str) {
            Some(next) => page = Some(next.to_owned()),
            None => break,
        }
    }
    futures_util::stream::iter(ids.into_iter().map(|id| {
        let request = http
            .get(format!("{origin}/gmail/v1/users/me/messages/{id}"))
            .query(&[("format", "raw")])
            .bearer_auth(&token);
        async move { anyhow::Ok(request.send().await?.error_for_status()?.bytes().await?.len()) }
    }))
    .buffer_unordered(PARALLEL)
    .try_fold(0_usize, |sum, len| async move { Ok(sum + len) })
    .await?;
    Ok(start.elapsed())
}

/// Reads the rows of the mirror once, then times writing them into empty tables of the same shape.
async fn copy_rows(world: &World) -> Result<Duration> {
    let (client, connection) = tokio_postgres::connect(world.servers.database_url.expose(), NoTls).await?;
    let driver = tokio::runtime::Handle::current().spawn(connection);
    let mut rows: Vec<(&str, Vec<Bytes>)> = Vec::new();
    for table in TABLES {
        client
            .batch_execute(&format!("CREATE TABLE mailbox.bench_{table} (LIKE mailbox.{table} INCLUDING ALL)"))
            .await?;
        // How values leave their rows is no part of LIKE.
        let text = "SELECT array_to_string(reloptions, ', ') FROM pg_class WHERE oid = $1::text::regclass";
        let options: Option<String> = client.query_one(text, &[&format!("mailbox.{table}")]).await?.get(0);
        if let Some(options) = options {
            client.batch_execute(&format!("ALTER TABLE mailbox.bench_{table} SET ({options})")).await?;
        }
        let out = client.copy_out(&format!("COPY mailbox.{table} TO STDOUT (FORMAT binary)")).await?;
        rows.push((table, out.try_collect().await?));
    }
    let start = Instant::now();
    client.batch_execute("BEGIN").await?;
    for (table, pieces) in rows {
        let sink = client.copy_in(&format!("COPY mailbox.bench_{table} FROM STDIN (FORMAT binary)")).await?;
        futures_util::pin_mut!(sink);
        for piece in pieces {
            sink.feed(piece).await?;
        }
        sink.as_mut().finish().await?;
    }
    client.batch_execute("COMMIT").await?;
    let elapsed = start.elapsed();
    driver.abort();
    Ok(elapsed)
}
