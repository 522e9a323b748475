//! `cargo run --bin xtask -- proto`: compiles `proto/` into `crates/contracts/src/gen` (protox + prost, no protoc).
//! `--check` only compares, for CI.

mod proto;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Repository chores")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Generate the event types from proto/.
    Proto {
        /// Fail if the committed code is not what proto/ generates.
        #[arg(long)]
        check: bool,
    },
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Proto { check } => proto::run(check),
    }
}
