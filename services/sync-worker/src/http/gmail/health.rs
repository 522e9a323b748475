//! `GET /gmail/health` (open)

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::TimeDelta;
use postrider_broker::BrokerState;
use postrider_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::api::Api;

/// How long a call's outcome says anything about now.
const WINDOW: TimeDelta = TimeDelta::minutes(5);

/// How each dependency does.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `healthy`, `degraded` (mail still syncs or is still queued) or `unhealthy`.
    pub status: &'static str,
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    pub database: bool,
    pub broker: bool,
    /// From real calls of the last five minutes; null when there was none.
    pub gmail_api: Option<bool>,
}

/// Whether the mirror, the broker and Gmail can be reached.
#[utoipa::path(get, path = "/gmail/health", tag = "sync", security(()),
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub async fn handle(api: Data<Api>) -> HttpResponse {
    let now = api.now();
    let database = api.database_answers().await;
    let broker = api.broker.state() == BrokerState::Ready;
    let gmail_api = gmail_answers(api.gmail.last_calls(), now);
    // Mail is late when the project's day stops the work, whatever single calls answer.
    let calls = if api.gmail.day_stops() { Some(false) } else { gmail_api };
    let status = verdict(database, broker, calls);
    let health = Health { status, timestamp: now, database, broker, gmail_api };
    if database { HttpResponse::Ok().json(health) } else { HttpResponse::ServiceUnavailable().json(health) }
}

/// True or false by the latest call of the last five minutes; nothing when there was none.
fn gmail_answers((answered, failed): (Option<Timestamp>, Option<Timestamp>), now: Timestamp) -> Option<bool> {
    let fresh = |at: Option<Timestamp>| at.filter(|at| now - *at <= WINDOW);
    match (fresh(answered), fresh(failed)) {
        (None, None) => None,
        (answered, failed) => Some(answered >= failed),
    }
}

/// Without the database nothing can be kept; without the others mail is only late.
fn verdict(database: bool, broker: bool, gmail_api: Option<bool>) -> &'static str {
    match (database, broker, gmail_api) {
        (false, ..) => "unhealthy",
        (true, true, Some(true) | None) => "healthy",
        _ => "degraded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gmail_is_judged_by_calls_of_the_last_five_minutes() {
        let start = Timestamp::default();
        let (answered, failed) = (Some(start), Some(start + TimeDelta::seconds(1)));
        assert_eq!(gmail_answers((None, None), start), None);
        assert_eq!(gmail_answers((answered, None), start), Some(true));
        assert_eq!(gmail_answers((answered, failed), start + TimeDelta::seconds(2)), Some(false));
        assert_eq!(gmail_answers((answered, failed), start + TimeDelta::minutes(6)), None);
    }

    #[test]
    fn only_the_database_makes_it_unhealthy() {
        assert_eq!(verdict(false, true, Some(true)), "unhealthy");
        assert_eq!(verdict(true, false, None), "degraded");
        assert_eq!(verdict(true, true, Some(false)), "degraded");
        assert_eq!(verdict(true, true, None), "healthy");
    }
}
