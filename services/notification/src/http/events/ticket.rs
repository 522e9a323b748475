//! `POST /api/v1/events/ticket`: what a browser's EventSource shows instead of a token.

use actix_web::HttpResponse;
use actix_web::web::Data;
use chrono::TimeDelta;
use postrider_domain::{Timestamp, token};
use postrider_web::{Caller, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::Error;
use crate::state::State;
use crate::store::feed;

/// How long it is good.
const LIFE: TimeDelta = TimeDelta::seconds(60);

/// Pass it as `ticket` to `/api/v1/events/stream`, once.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ticket {
    pub ticket: String,
    #[schema(value_type = String)]
    pub expires_at: Timestamp,
}

/// A ticket of 60 seconds that opens the stream once, for browsers' EventSource.
#[utoipa::path(
    post, path = "/api/v1/events/ticket", tag = "events", responses((status = 201, body = Ticket), (status = 403))
)]
pub async fn handle(caller: Caller, state: Data<State>) -> Result<HttpResponse, Error> {
    caller.require(Scope::Read)?;
    let ticket = token::random(state.seams.entropy.as_ref());
    let now = state.seams.clock.now();
    let expires_at = now + LIFE;
    let tx = state.db.tenant(&caller.tenant).await?;
    feed::insert_ticket(&tx, token::hash(ticket.expose()), &caller.tenant, &caller.user, expires_at, now).await?;
    tx.commit().await?;
    Ok(HttpResponse::Created().json(Ticket { ticket: ticket.expose().to_owned(), expires_at }))
}
