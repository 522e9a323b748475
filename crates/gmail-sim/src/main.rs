//! `gmail-sim`: the simulated Google as a program.

mod settings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use gmail_sim::SimServer;

use settings::Settings;

/// A simulated Google: OAuth, the Gmail API, Pub/Sub push. Listens on loopback only.
#[derive(Debug, Parser)]
#[command(name = "gmail-sim", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter of tracing.
    #[arg(long, env = "LOG_LEVEL", default_value = "info", global = true)]
    log_level: String,
    /// `pretty` or `json`.
    #[arg(long, env = "LOG_FORMAT", default_value = "pretty", global = true)]
    log_format: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run until Ctrl-C or SIGTERM.
    Serve(Box<Settings>),
    /// Read the settings, say what is wrong with them, and end.
    CheckConfig(Box<Settings>),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    logs(&cli.log_level, &cli.log_format);
    let outcome = match cli.command {
        Command::Serve(settings) => serve(&settings),
        Command::CheckConfig(settings) => settings.config().map(|_| ()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("gmail-sim stops: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve(settings: &Settings) -> anyhow::Result<()> {
    let config = settings.config()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let server = SimServer::start(config).await?;
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => interrupted?,
            _ = terminated.recv() => {}
        }
        tracing::info!("stopping");
        server.shutdown().await;
        Ok(())
    })
}

/// Logs go to standard error, so that a caller can tell them from output.
fn logs(level: &str, format: &str) {
    let filter = tracing_subscriber::EnvFilter::new(level);
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if format == "json" {
        builder.json().init();
    } else {
        builder.init();
    }
}
