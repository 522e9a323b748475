//! The process. Everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    postrider_runtime::run::<postrider_notification::App>()
}
