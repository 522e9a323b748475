//! What the commands say to a person: plain lines on standard output.

use std::fmt::Display;
use std::io::Write as _;

/// Writes one line. A closed pipe (`postrider logs | head`) is no error.
pub fn say(line: impl Display) {
    let _closed_pipe = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line that marks a step of a longer command as done.
pub fn done(line: impl Display) {
    say(format_args!("  ✓ {line}"));
}
