//! The gateway's process.

fn main() -> std::process::ExitCode {
    runtime::run::<gateway::App>()
}
