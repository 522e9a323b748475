//! `postrider-bench`: runs the benches, prints a table and writes JSON.

use std::path::PathBuf;
use std::process::ExitCode;

use bench::{bare_intake, full_sync, latency, push, report::Report};
use clap::{Parser, Subcommand};

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
    /// All three, one after the other.
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
    /// The bare handler itself; started by `push`.
    #[command(hide = true)]
    BareIntake {
        #[arg(long)]
        port: u16,
    },
}

fn main() -> ExitCode {
    runtime::tls::install();
    let cli = Cli::parse();
    let run = || -> anyhow::Result<()> {
        tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
            let mut report = Report::default();
            match cli.command {
                Command::All { mails, seconds } => {
                    push::run(&mut report, seconds).await?;
                    full_sync::run(&mut report, mails).await?;
                    latency::run(&mut report, seconds.max(20)).await?;
                }
                Command::Push { seconds } => push::run(&mut report, seconds).await?,
                Command::FullSync { mails } => full_sync::run(&mut report, mails).await?,
                Command::Latency { seconds } => latency::run(&mut report, seconds).await?,
                Command::BareIntake { port } => return bare_intake::serve(port).await,
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

#[expect(clippy::print_stderr, reason = "the message of a command-line tool")]
fn report_failure(error: &anyhow::Error) {
    eprintln!("{error:#}");
}
