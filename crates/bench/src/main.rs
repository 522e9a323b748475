//! `postrider-bench`: runs the benches, prints a table and writes JSON.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use postrider_bench::{bare_intake, fan_out, full_sync, latency, notify, push, report::Report};
use tokio::signal::unix::{SignalKind, signal};

/// Sockets of the fan-out, and what each of them is told.
const SOCKETS: u32 = 5_000;
const NOTIFICATIONS: u64 = 20;

#[derive(Parser)]
#[command(about = "Measures Postrider beside its bare limits on this machine", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Where the figures are written as JSON.
    #[arg(long, default_value = ".run/bench.json", global = true)]
    json: PathBuf,
}

#[derive(Subcommand)]
enum Command {
    /// All of them, one after the other.
    All {
        /// Mails of the full sync.
        #[arg(long, default_value_t = 20_000)]
        mails: u32,
        /// Seconds of load for each part.
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Acknowledged pushes a second, beside a bare handler that publishes the same bytes.
    Push {
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Mails a second of a full sync, beside fetch-and-discard and COPY.
    FullSync {
        #[arg(long, default_value_t = 20_000)]
        mails: u32,
    },
    /// Push to Socket.IO at 20 a second.
    Latency {
        #[arg(long, default_value_t = 20)]
        seconds: u64,
    },
    /// Notifications a second, from `email.received` to row and socket.
    Notify {
        #[arg(long, default_value_t = 20_000)]
        mails: u32,
    },
    /// Deliveries a second and memory of many sockets, beside Node's Socket.IO server.
    FanOut {
        #[arg(long, default_value_t = SOCKETS)]
        sockets: u32,
        #[arg(long, default_value_t = NOTIFICATIONS)]
        notifications: u64,
    },
    /// The bare handler itself; started by `push`.
    #[command(hide = true)]
    BareIntake {
        #[arg(long)]
        port: u16,
    },
}

fn main() -> ExitCode {
    postrider_runtime::tls::install();
    let cli = Cli::parse();
    let run = || -> anyhow::Result<()> {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
            let mut report = Report::default();
            // An interrupt drops what runs: the stack and its servers end with it.
            tokio::select! {
                measured = measure(cli.command, &mut report) => measured?,
                () = interrupted() => anyhow::bail!("interrupted: nothing was written"),
            }
            report.print(&cli.json)
        })
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report_failure(&error);
            ExitCode::FAILURE
        }
    }
}

async fn measure(command: Command, report: &mut Report) -> anyhow::Result<()> {
    match command {
        Command::All { mails, seconds } => {
            push::run(report, seconds).await?;
            full_sync::run(report, mails).await?;
            latency::run(report, seconds.max(20)).await?;
            notify::run(report, mails).await?;
            fan_out::run(report, SOCKETS, NOTIFICATIONS).await
        }
        Command::Push { seconds } => push::run(report, seconds).await,
        Command::FullSync { mails } => full_sync::run(report, mails).await,
        Command::Latency { seconds } => latency::run(report, seconds).await,
        Command::Notify { mails } => notify::run(report, mails).await,
        Command::FanOut { sockets, notifications } => fan_out::run(report, sockets, notifications).await,
        Command::BareIntake { port } => bare_intake::serve(port).await,
    }
}

/// Ctrl-C, or the polite kill.
async fn interrupted() {
    let Ok(mut terminated) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
}

#[expect(clippy::print_stderr, reason = "the message of a command-line tool")]
fn report_failure(error: &anyhow::Error) {
    eprintln!("{error:#}");
}
