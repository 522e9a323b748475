//! The sync-worker process.

fn main() -> std::process::ExitCode {
    runtime::run::<sync_worker::App>()
}
