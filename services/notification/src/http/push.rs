//! `/api/notifications/push`: the browsers of a user that take pushes.

pub mod public_key;
pub mod subscribe;
pub mod subscriptions;
mod view;

use std::time::Duration;

use postrider_web::Problem;

pub use view::SubscriptionView;

/// 503: there is no key to push with.
pub const PUSH_NOT_CONFIGURED: &str = "push_not_configured";
/// 409: the user has as many subscriptions as one may.
pub const TOO_MANY_SUBSCRIPTIONS: &str = "too_many_subscriptions";

fn not_configured() -> Problem {
    let detail = "Web Push needs VAPID_PRIVATE_KEY and VAPID_SUBJECT to be set.";
    Problem::unavailable(PUSH_NOT_CONFIGURED, Duration::from_secs(600), detail)
}
