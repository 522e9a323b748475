//! `gmail-sim`: the simulated Google as a program.

mod app;
mod settings;

fn main() -> std::process::ExitCode {
    runtime::run::<app::App>()
}
