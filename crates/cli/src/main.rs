//! The operator's command.

fn main() -> std::process::ExitCode {
    postrider::cli::main()
}
