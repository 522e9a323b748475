//! The operator's command.

fn main() -> std::process::ExitCode {
    postrider_cli::cli::main()
}
