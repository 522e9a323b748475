//! The process. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    runtime::run::<notification::App>()
}
