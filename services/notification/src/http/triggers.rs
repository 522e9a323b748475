//! `/api/triggers`: what new mail sets off.

pub mod change;
pub mod fires;
pub mod read;
mod view;

use postrider_web::{Problem, codes};
use serde_json::Value;

use crate::rules::trigger::Config;

pub use view::{FireView, TriggerView};

/// 422: the type's older name.
pub const TRIGGER_TYPE_RETIRED: &str = "trigger_type_retired";

fn wrong(field: &str, why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "A member of the body is wrong.").field(field, why)
}

fn check_type(kind: &str) -> Result<(), Problem> {
    match kind {
        "email" => Ok(()),
        "email:gmail" => {
            let detail = "Send type \"email\" with the account as config.connector_id.";
            Err(Problem::unprocessable(TRIGGER_TYPE_RETIRED, detail).field("type", "is \"email\" now"))
        }
        _ => Err(wrong("type", "is not a trigger type")),
    }
}

fn check_name(name: &str) -> Result<String, Problem> {
    let name = name.trim();
    if name.is_empty() || name.len() > 200 || name.contains(char::is_control) {
        return Err(wrong("name", "is empty, longer than 200 bytes or has a control character"));
    }
    Ok(name.to_owned())
}

fn check_config(config: Value) -> Result<Config, Problem> {
    let config: Config = serde_path_to_error::deserialize(config)
        .map_err(|error| wrong(&format!("config.{}", error.path()), &error.inner().to_string()))?;
    match &config.subject {
        Some(text) if text.trim().is_empty() || text.len() > 256 || text.contains('\0') => {
            Err(wrong("config.subject", "is empty, longer than 256 bytes or has a NUL character"))
        }
        _ if config.labels.len() > 50 => Err(wrong("config.labels", "has more than 50 items")),
        _ => Ok(config),
    }
}
