//! The process of all services.

fn main() -> std::process::ExitCode {
    postrider_runtime::run::<postrider_all_in_one::App>()
}
