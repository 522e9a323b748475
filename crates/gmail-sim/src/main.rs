//! `gmail-sim`: the simulated Google as a program.

mod app;
mod settings;

fn main() -> std::process::ExitCode {
    postrider_runtime::run::<app::App>()
}
