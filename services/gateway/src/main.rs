//! The gateway's process.

fn main() -> std::process::ExitCode {
    postrider_runtime::run::<postrider_gateway::App>()
}
