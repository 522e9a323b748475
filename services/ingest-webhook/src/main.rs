//! The intake's process.

fn main() -> std::process::ExitCode {
    postrider_runtime::run::<postrider_ingest_webhook::App>()
}
