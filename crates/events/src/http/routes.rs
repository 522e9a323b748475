//! The producer's side.

use std::sync::Arc;
use std::time::Duration;

use crate::streams::{EventSource, PullError};
use actix_web::HttpResponse;
use actix_web::web::{Data, ServiceConfig, get};
use postrider_domain::Timestamp;
use serde::Deserialize;

use super::wire::{EventPage, StreamPage, WireEvent};
use postrider_web::codes;
use postrider_web::extract::{ApiQuery, ServiceCaller};
use postrider_web::problem::Problem;

/// Most items of one answer.
const MOST: usize = 500;
const LONGEST_STREAM: usize = 200;

#[derive(Clone)]
struct Source(Arc<dyn EventSource>);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    stream: String,
    #[serde(default)]
    after: i64,
    #[serde(default = "most")]
    limit: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StreamsQuery {
    changed_since: Timestamp,
    #[serde(default = "most")]
    limit: usize,
}

const fn most() -> usize {
    MOST
}

/// Mounts `GET /internal/events` and `GET /internal/streams` over a database (or another source):
/// `cfg.configure(events::http::routes(db.clone()))`.
pub fn routes(source: impl EventSource) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let source = Source(Arc::new(source));
    move |config: &mut ServiceConfig| {
        config
            .app_data(Data::new(source.clone()))
            .route("/internal/events", get().to(events))
            .route("/internal/streams", get().to(streams));
    }
}

/// Events of one stream with `seq > after`, in order.
async fn events(
    _caller: ServiceCaller,
    query: ApiQuery<EventsQuery>,
    source: Data<Source>,
) -> Result<HttpResponse, Problem> {
    let EventsQuery { stream, after, limit } = query.into_inner();
    if stream.is_empty() || stream.len() > LONGEST_STREAM || stream.chars().any(char::is_control) {
        return Err(wrong("stream", "must be the name of a stream"));
    }
    if after < 0 {
        return Err(wrong("after", "must not be negative"));
    }
    let events = source.0.events(&stream, after, checked(limit)?).await.map_err(unavailable)?;
    Ok(HttpResponse::Ok().json(EventPage { data: events.into_iter().map(WireEvent::from).collect() }))
}

/// Streams that grew at or after an instant, oldest change first.
async fn streams(
    _caller: ServiceCaller,
    query: ApiQuery<StreamsQuery>,
    source: Data<Source>,
) -> Result<HttpResponse, Problem> {
    let limit = checked(query.limit)?;
    let data = source.0.changed_since(query.changed_since, limit).await.map_err(unavailable)?;
    Ok(HttpResponse::Ok().json(StreamPage { data }))
}

fn checked(limit: usize) -> Result<usize, Problem> {
    if (1..=MOST).contains(&limit) { Ok(limit) } else { Err(wrong("limit", "must be from 1 to 500")) }
}

fn wrong(field: &str, why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "A parameter is out of range.").field(field, why)
}

fn unavailable(error: PullError) -> Problem {
    tracing::warn!(error = %error, "events cannot be read");
    Problem::unavailable(codes::UNAVAILABLE, Duration::from_secs(2), "The events cannot be read at the moment.")
}
