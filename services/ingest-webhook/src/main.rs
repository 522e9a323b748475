//! The intake's process.

fn main() -> std::process::ExitCode {
    runtime::run::<ingest_webhook::App>()
}
