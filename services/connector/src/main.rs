//! The connector process.

fn main() -> std::process::ExitCode {
    runtime::run::<connector::App>()
}
