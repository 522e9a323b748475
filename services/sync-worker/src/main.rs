//! The sync-worker process.

fn main() -> std::process::ExitCode {
    postrider_runtime::run::<postrider_sync_worker::App>()
}
