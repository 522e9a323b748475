//! `/api/triggers`: what new mail sets off.

pub mod change;
pub mod fire;
pub mod fires;
pub mod read;
pub mod rotate;
mod view;

use postrider_domain::ConnectorId;
use postrider_web::{Problem, codes};
use serde_json::Value;

use crate::rules::trigger::{Config, NoConfig, TriggerType};

pub use view::{FireView, TriggerView};

/// 422: the type's older name.
pub const TRIGGER_TYPE_RETIRED: &str = "trigger_type_retired";

fn wrong(field: &str, why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "A member of the body is wrong.").field(field, why)
}

fn check_type(kind: &str) -> Result<TriggerType, Problem> {
    match kind {
        "email" => Ok(TriggerType::Email),
        "webhook" => Ok(TriggerType::Webhook),
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
    for (field, text) in [("config.subject", &config.subject), ("config.body_contains", &config.body_contains)] {
        if text.as_ref().is_some_and(|text| text.trim().is_empty() || text.len() > 256 || text.contains('\0')) {
            return Err(wrong(field, "is empty, longer than 256 bytes or has a NUL character"));
        }
    }
    if config.labels.len() > 50 {
        return Err(wrong("config.labels", "has more than 50 items"));
    }
    Ok(config)
}

/// Whose mail it is about, and how: nobody's and nothing for a trigger that requests set off.
fn check_config_of(kind: TriggerType, config: Value) -> Result<(Option<ConnectorId>, Value), Problem> {
    match kind {
        TriggerType::Email => {
            let config = check_config(config)?;
            Ok((Some(config.account()), serde_json::to_value(&config).map_err(Problem::unexpected)?))
        }
        TriggerType::Webhook => {
            let none: NoConfig = serde_path_to_error::deserialize(config)
                .map_err(|error| wrong(&format!("config.{}", error.path()), &error.inner().to_string()))?;
            Ok((None, serde_json::to_value(&none).map_err(Problem::unexpected)?))
        }
    }
}
