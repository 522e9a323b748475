//! What a test looks at: the truth, the pushes, the counts.

use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use serde::Deserialize;
use serde_json::json;

use super::{Refused, Reply, done};
use crate::server::Sim;
use crate::world::Truth;

#[derive(Deserialize)]
pub(crate) struct Of {
    pub(super) account: String,
}

/// Messages sent in one piece of the stream.
const PIECE: usize = 500;

/// One JSON object a line: `{"id", "labels", "thread_id", "history_id", "internal_date"}`, by id.
pub(crate) async fn truth(sim: Data<Sim>, of: Query<Of>) -> Reply {
    let truth: Vec<(String, Truth)> = sim.world.truth(&of.account)?.into_iter().collect();
    let line = |(id, truth): &(String, Truth)| {
        let line = json!({
            "id": id,
            "labels": truth.labels,
            "thread_id": truth.thread_id,
            "history_id": truth.history_id,
            "internal_date": truth.internal_date,
        });
        format!("{line}\n")
    };
    let mut pieces = Vec::new();
    for piece in truth.chunks(PIECE) {
        pieces.push(piece.to_vec());
    }
    let body =
        stream::iter(pieces.into_iter().map(move |piece| {
            Ok::<_, std::convert::Infallible>(Bytes::from(piece.iter().map(line).collect::<String>()))
        }));
    Ok(HttpResponse::Ok().content_type("application/x-ndjson").streaming(body))
}

pub(crate) async fn pushes(sim: Data<Sim>, request: HttpRequest) -> Reply {
    let query = crate::http::query::Query::of(&request);
    let limit = query.get("limit").map_or(Ok(1_000), str::parse).map_err(|_nan| Refused::bad("limit is a number"))?;
    let account = query.get("account").map(str::to_lowercase);
    let dropped = sim.world.dropped_notifications();
    Ok(sim.push_queue(|queue| {
        let of = |address: &str| account.as_ref().is_none_or(|wanted| *wanted == address.to_lowercase());
        let mut log: Vec<_> = queue.log().filter(|line| of(&line.email_address)).cloned().collect();
        log.drain(..log.len().saturating_sub(limit));
        HttpResponse::Ok().json(json!({
            "acked": queue.acked(),
            "outstanding": queue.outstanding(),
            "dropped_by_rate": dropped,
            "log": log,
        }))
    }))
}

pub(crate) async fn stats(sim: Data<Sim>) -> Reply {
    Ok(HttpResponse::Ok().json(sim.gate.stats()))
}

pub(crate) async fn reset_stats(sim: Data<Sim>) -> Reply {
    sim.gate.reset_stats();
    Ok(done())
}

pub(crate) async fn health() -> Reply {
    Ok(done())
}
