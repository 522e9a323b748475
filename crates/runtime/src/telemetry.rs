//! Logs and metrics.
//!
//! One line on standard error for each occurrence. Inside a span opened by [`span::request`], [`span::consume`] or
//! [`span::job`] every line shows the `trace_id`, the same from a push to the socket that shows its mail. Values of
//! secret settings are cut out of every line as a last defence.

mod line;
mod logs;
pub mod metrics;
pub(crate) mod process;
mod redact;
pub mod span;
pub(crate) mod traces;

pub use line::LineLayer;
pub use logs::{Format, Settings, init, subscriber};
pub use redact::Redactor;
