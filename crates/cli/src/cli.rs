//! The command line.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::commands;
use crate::console::plain_lines;
use crate::stack::Shape;

/// Runs and operates a local Postrider.
#[derive(Debug, Parser)]
#[command(
    name = "postrider",
    version,
    after_help = "Settings come from the environment; `.env.example` describes each. DATABASE_URL and AMQP_URL: use these \
                  servers instead of private ones. GMAIL_API_URL or GOOGLE_CLIENT_ID: use this Google instead of the \
                  simulated one. PORT_BASE: other ports."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// The whole demo: servers, services, a simulated mailbox, a mail arriving. Ctrl-C stops all
    Run,
    /// Start the stack in the background and wait until it is ready
    Up,
    /// The same as one process with Postgres alone beside it, for a handful of mailboxes
    AllInOne,
    /// Stop the stack and its private servers
    Down,
    /// Print a client token
    Token(commands::token::Args),
    /// Ask every service whether it is ready
    Health,
    /// Follow the logs of the running stack
    Logs(commands::logs::Args),
    /// Stop everything and delete all local data of this checkout
    Reset(commands::reset::Args),
    /// Show what a user connected, and how it stands
    Accounts(commands::accounts::Args),
    /// Show what handlers gave up on, or give it another chance
    DeadLetters(commands::dead_letters::Args),
    /// Sync a mailbox now and show how far it is
    #[command(alias = "sync")]
    GmailSync(commands::gmail_sync::Args),
    /// Look for deleted mails of a mailbox now
    GmailSyncDeleted(commands::gmail_sync::Mailbox),
    /// Sync a mailbox in full, without a cap, with progress
    GmailSyncFull(commands::gmail_sync::Mailbox),
    /// Read stored mail again with the parser of today, and show how far that is
    Reparse(commands::reparse::Args),
    /// Create every service's roles and schema, or bring them up to date. Reads DATABASE_URL (the administrator)
    Migrate,
    /// Connect the demo's mailbox in a stack that runs elsewhere: GATEWAY_URL, a simulated Google at GMAIL_API_URL, JWT_SECRET
    Demo,
    /// Connect an account: somebody consents in a browser, and its first sync is followed
    Connect(commands::connect::Args),
    /// Google's side of push: topic, grant and subscription
    Google {
        #[command(subcommand)]
        what: commands::google::What,
    },
    /// Look at the whole installation and say what it lacks, line by line, with the remedy
    Doctor(commands::doctor::Args),
}

/// Parses the arguments and runs the command. Exit codes: 0 done, 1 failed, 2 wrong usage.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    postrider_runtime::tls::install();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    match runtime.block_on(Box::pin(dispatch(cli.command))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Run => commands::run::run().await,
        Command::Up => commands::up::up(Shape::Services).await,
        Command::AllInOne => commands::up::up(Shape::OneProcess).await,
        Command::Down => commands::down::down().await,
        Command::Token(args) => commands::token::token(args),
        Command::Health => commands::health::health().await,
        Command::Logs(args) => commands::logs::logs(args).await,
        Command::Reset(args) => commands::reset::reset(args).await,
        Command::Accounts(args) => commands::accounts::accounts(args).await,
        Command::DeadLetters(args) => commands::dead_letters::dead_letters(args).await,
        Command::GmailSync(args) => commands::gmail_sync::sync(args).await,
        Command::GmailSyncDeleted(mailbox) => commands::gmail_sync::deleted(mailbox).await,
        Command::GmailSyncFull(mailbox) => commands::gmail_sync::full(mailbox).await,
        Command::Reparse(args) => commands::reparse::reparse(args).await,
        Command::Migrate => commands::migrate::migrate().await,
        Command::Demo => commands::demo::demo().await,
        Command::Connect(args) => commands::connect::connect(args).await,
        Command::Google { what } => commands::google::google(what).await,
        Command::Doctor(args) => commands::doctor::doctor(args).await,
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    let _closed_pipe = writeln!(std::io::stderr().lock(), "error: {}", plain_lines(&format!("{error:#}")));
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_knows_the_makefiles_commands() {
        Cli::command().debug_assert();
        for line in [
            "run",
            "up",
            "all-in-one",
            "down",
            "token --tenant t --user u",
            "health",
            "logs",
            "logs sync-worker --no-follow --lines 5 --json",
            "reset",
            "reset --yes",
            "accounts --tenant t --user u --json",
            "dead-letters",
            "dead-letters replay --queue notification.mailbox --limit 5",
            "gmail-sync --user-email a@b.c --full",
            "sync --user-email a@b.c --json",
            "gmail-sync-deleted --user-email a@b.c",
            "gmail-sync-full",
            "reparse",
            "reparse --connector 0199b3f0-0000-7000-8000-000000000000 --all --no-wait",
            "reparse --status --json",
            "migrate",
            "demo",
            "connect",
            "connect --user-email a@b.c --tenant t --user u --desktop --no-browser",
            "google setup --project acme-mail --dry-run",
            "google check --credentials gcloud --user-email a@b.c --json",
            "google setup --pull --credentials key.json --yes",
            "doctor",
            "doctor --json",
        ] {
            let args = std::iter::once("postrider").chain(line.split(' '));
            assert!(Cli::try_parse_from(args).is_ok(), "{line}");
        }
    }
}
