//! The connector process.

fn main() -> std::process::ExitCode {
    postrider_runtime::run::<postrider_connector::App>()
}
