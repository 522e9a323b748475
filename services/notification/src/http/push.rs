//! `/api/notifications/push`: the browsers of a user that take pushes.

pub mod public_key;
pub mod subscribe;
pub mod subscriptions;
mod view;

use actix_web::http::StatusCode;
use postrider_web::Problem;

pub use view::SubscriptionView;

/// 503: there is no key to push with.
pub const PUSH_NOT_CONFIGURED: &str = "push_not_configured";
/// 409: the user has as many subscriptions as one may.
pub const TOO_MANY_SUBSCRIPTIONS: &str = "too_many_subscriptions";

fn not_configured() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        PUSH_NOT_CONFIGURED,
        "Web Push needs VAPID_PRIVATE_KEY and VAPID_SUBJECT to be set.",
    )
}
