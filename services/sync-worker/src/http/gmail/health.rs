//! `GET /gmail/health` (open)

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_broker::BrokerState;
use postrider_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::api::Api;

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

#[utoipa::path(get, path = "/gmail/health", tag = "sync", security(()),
    responses((status = 200, body = Health), (status = 503, body = Health)))]
pub async fn handle(api: Data<Api>) -> HttpResponse {
    let now = api.now();
    let database = api.database_answers().await;
    let broker = api.broker.state() == BrokerState::Ready;
    let gmail_api = api.calls.verdict(now);
    let status = verdict(database, broker, gmail_api);
    let health = Health { status, timestamp: now, database, broker, gmail_api };
    if database { HttpResponse::Ok().json(health) } else { HttpResponse::ServiceUnavailable().json(health) }
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
    fn only_the_database_makes_it_unhealthy() {
        assert_eq!(verdict(false, true, Some(true)), "unhealthy");
        assert_eq!(verdict(true, false, None), "degraded");
        assert_eq!(verdict(true, true, Some(false)), "degraded");
        assert_eq!(verdict(true, true, None), "healthy");
    }
}
