//! What happens around every request: an id, a trace, one access line, one observation, safe headers, errors as problems.

mod context;
mod headers;
mod observe;
mod problems;

pub use context::RequestContext;
pub(crate) use observe::{HttpMetrics, Observer, around};
