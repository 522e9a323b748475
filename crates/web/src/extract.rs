//! Strict extractors: what they hand to a handler is well-formed, and what they refuse is a 4xx that names the place.

mod account;
mod body;
mod caller;
mod path;
mod query;
mod write_id;

pub use account::AccountHeader;
pub use body::{ApiJson, BodyLimit};
pub use caller::{Caller, ServiceCaller, bearer};
pub use path::PathId;
pub use query::ApiQuery;
pub use write_id::{WRITE_ID_HEADER, WriteId};

pub(crate) use caller::{VerifiedToken, internal_tokens};

use crate::codes;
use crate::problem::Problem;

/// 422 for a member that serde refused, named by its path.
///
/// serde names an unknown or missing member only in its text (``unknown field `x` ``), and its path is that of the
/// object around it, so the name is taken from there.
fn refused(path: &serde_path_to_error::Path, message: &str) -> Problem {
    let around = path.to_string();
    let around = around.trim_start_matches('.');
    let inner = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start))
        .and_then(|rest| rest.split('`').next());
    let name = match (around, inner) {
        ("" | "?", Some(inner)) => inner.to_owned(),
        (around, Some(inner)) => {
            let parent = around.trim_end_matches(".?");
            if parent == inner || parent.ends_with(&format!(".{inner}")) {
                parent.to_owned()
            } else {
                format!("{parent}.{inner}")
            }
        }
        ("" | "?", None) => "body".to_owned(),
        (around, None) => around.to_owned(),
    };
    // serde_json adds the place in the text, which means nothing for a parsed member.
    let why = message.split_once(" at line ").map_or(message, |(why, _)| why);
    Problem::unprocessable(codes::INVALID_REQUEST, "A member of the request is unknown, missing or wrong.")
        .field(name, why)
}
