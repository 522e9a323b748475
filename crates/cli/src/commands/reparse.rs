//! `postrider reparse`: stored sources read again by the parser of today, and how far that is.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use indicatif::{ProgressBar, ProgressStyle};
use postrider_domain::ConnectorId;
use postrider_storage::{Db, DbConfig, Spec, row, sql};
use serde::Serialize;
use tokio::time::Instant;

use crate::console::{done, say};
use crate::doctor::Installation;

/// How long nothing may move before it is said; sync-worker looks every half minute.
const STILL: Duration = Duration::from_secs(90);
/// How often the rows are looked at.
const EVERY: Duration = Duration::from_millis(500);

/// What is read again.
#[derive(Debug, Clone, ClapArgs)]
pub struct Args {
    /// One account, by its id; all of them without.
    #[arg(long)]
    connector: Option<ConnectorId>,
    /// Every mail, not only what an older parser read.
    #[arg(long)]
    all: bool,
    /// Ask for nothing: say how far it is.
    #[arg(long)]
    status: bool,
    /// Do not wait for the end.
    #[arg(long)]
    no_wait: bool,
    /// How far it is as JSON, for programs; does not wait.
    #[arg(long)]
    json: bool,
}

row! {
    /// How far it is, over all accounts that are looked at.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
    pub struct Progress {
        /// Accounts that are not done.
        pub accounts_left: i64,
        pub accounts: i64,
        /// Mails looked at, of the accounts' mails as they were counted at their begin.
        pub mails_done: i64,
        pub mails: i64,
    }
}

/// Asks for it, and follows it to its end.
///
/// # Errors
/// No database, or it does not answer.
pub async fn reparse(args: Args) -> Result<()> {
    let url = Installation::here()?.database_url(&Spec::SYNC_WORKER);
    let url = url.context("no SYNC_WORKER_DATABASE_URL, and no DATABASE_URL to derive it from")?;
    let db = Db::connect(DbConfig::new(url, Spec::SYNC_WORKER))?;
    let connector = args.connector;
    if !args.status {
        let asked = ask(&db, connector, args.all).await?;
        if let Some(connector) = connector.filter(|_| asked == 0 && !args.json) {
            bail!("there is no account {connector}: `postrider accounts` shows a user's");
        }
        if !args.json {
            say(format_args!("the stored mail of {asked} accounts is looked at by sync-worker"));
        }
    }
    if args.json {
        say(serde_json::to_string_pretty(&progress(&db, connector).await?)?);
        return Ok(());
    }
    if args.status || args.no_wait {
        let Progress { accounts_left, accounts, mails_done, mails } = progress(&db, connector).await?;
        done(format_args!("{accounts_left} of {accounts} accounts are left, {mails_done} of {mails} mails are done"));
        return Ok(());
    }
    follow(&db, connector).await
}

async fn follow(db: &Db, connector: Option<ConnectorId>) -> Result<()> {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("  [{bar:40}] {pos}/{len} mails, {per_sec}, {msg}") {
        bar.set_style(style.progress_chars("=> "));
    }
    let (mut last, mut since) = (None, Instant::now());
    loop {
        let now = progress(db, connector).await?;
        if last.replace(now) != Some(now) {
            since = Instant::now();
        } else if since.elapsed() > STILL {
            bar.suspend(|| {
                say("nothing moves: is sync-worker running? What was asked for is kept; Ctrl-C ends this look at it")
            });
            since = Instant::now();
        }
        bar.set_length(u64::try_from(now.mails).unwrap_or(0));
        bar.set_position(u64::try_from(now.mails_done).unwrap_or(0));
        bar.set_message(format!("{} of {} accounts left", now.accounts_left, now.accounts));
        if now.accounts_left == 0 {
            bar.finish_and_clear();
            done(format_args!("done, {} mails of {} accounts", now.mails_done, now.accounts));
            return Ok(());
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Marks accounts to be read again from their newest mail on; sync-worker looks every half minute. Returns how many.
///
/// # Errors
/// The database does not answer.
pub async fn ask(db: &Db, connector: Option<ConnectorId>, all: bool) -> Result<usize> {
    let tx = db.system().await?;
    let asked =
        sql("UPDATE mailboxes SET read_version = 0, reread_to = greatest(reread_to, 1), reread_before = NULL, \
            reread_after = NULL, reread_all = $2, reread_done = 0, reread_total = 0 \
         WHERE NOT erase AND ($1::uuid IS NULL OR connector_id = $1)")
        .binds((connector, all))
        .execute(&tx)
        .await?;
    tx.commit().await?;
    Ok(asked)
}

/// How far it is.
///
/// # Errors
/// The database does not answer.
pub async fn progress(db: &Db, connector: Option<ConnectorId>) -> Result<Progress> {
    let tx = db.system().await?;
    let progress =
        sql("SELECT count(*) FILTER (WHERE read_version < reread_to) AS accounts_left, count(*) AS accounts, \
            coalesce(sum(reread_done), 0)::bigint AS mails_done, coalesce(sum(reread_total), 0)::bigint AS mails \
         FROM mailboxes WHERE NOT erase AND ($1::uuid IS NULL OR connector_id = $1)")
        .bind(connector)
        .get_result(&tx)
        .await?;
    tx.commit().await?;
    Ok(progress)
}
