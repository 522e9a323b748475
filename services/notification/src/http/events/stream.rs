//! `GET /api/v1/events/stream`: the feed as server-sent events. Each has the place behind it as its id, which a browser
//! gives back as `Last-Event-ID` when it comes again.

use std::collections::VecDeque;
use std::time::Duration;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream;
use postrider_domain::{TenantId, UserId, token};
use postrider_web::{AccountHeader, ApiQuery, Caller, Problem, Scope, codes};
use tokio::time::Instant;

use super::{EventView, FeedParams, WAITING, wrong};
use crate::error::Error;
use crate::feed::{FeedCursor, Listener, Question, places_at_the_heads, read};
use crate::state::State;
use crate::store::{accounts, feed};

/// Entries read in one go.
const PAGE: usize = 100;
/// Between two looks for what other replicas wrote.
const LOOK: Duration = Duration::from_secs(1);
/// A stream with nothing to say says so: whoever stands between would close it.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Whoever reads on proves itself again after this long.
const LIFE: Duration = Duration::from_secs(3_600);

/// The feed as server-sent events, from `Last-Event-ID` or a cursor on.
#[utoipa::path(
    get, path = "/api/v1/events/stream", tag = "events", params(FeedParams),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 401), (status = 404),
        (status = 410), (status = 422), (status = 429))
)]
pub async fn handle(
    caller: Result<Caller, Problem>,
    query: ApiQuery<FeedParams>,
    header: AccountHeader,
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, Error> {
    for (field, given) in [("wait", query.wait.is_some()), ("limit", query.limit.is_some())] {
        if given {
            return Err(wrong(field, "is for the list").into());
        }
    }
    let account = header.or(query.account())?;
    let (types, place) = (query.types()?, place(&request, &query)?);
    let (tenant, user) = reader(caller, query.ticket.as_deref(), &state).await?;
    let question = Question { tenant, user, account, types, limit: PAGE };
    let tx = state.db.tenant(&question.tenant).await?;
    if let Some(account) = account {
        let known = accounts::find(&tx, &question.tenant, account).await?;
        known.filter(|known| known.owner == question.user).ok_or_else(Error::not_found)?;
    }
    let cursor = match place {
        Some(place) => place,
        // Whoever names no place wants what comes from now on.
        None => places_at_the_heads(&tx, &question).await?,
    };
    // A place that is kept no longer is told while there is still a status to tell it by.
    read(&tx, &question, &cursor, state.seams.clock.now()).await.map_err(Problem::from)?;
    tx.commit().await?;
    let listener = state.feed_bells.listen(&question.tenant, &question.user, WAITING);
    let listener = listener.ok_or_else(|| Problem::rate_limited(LOOK))?;
    let began = Instant::now();
    let mut waiting = VecDeque::new();
    waiting.push_back(Bytes::from(format!("retry: 3000\nid: {}\n\n", cursor.encode())));
    let reader = Reader { state, question, cursor, listener, waiting, until: began + LIFE, spoke: began };
    let body = stream::unfold(reader, |mut reader| async move { reader.next().await.map(|bytes| (bytes, reader)) });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        // Proxies that gather answers would make live news old.
        .insert_header(("x-accel-buffering", "no"))
        .streaming(body))
}

fn place(request: &HttpRequest, query: &FeedParams) -> Result<Option<FeedCursor>, Problem> {
    // A browser that comes again sends both: the header is further.
    match request.headers().get("last-event-id").map(|value| value.to_str().unwrap_or("?")) {
        Some(last) if !last.is_empty() => {
            FeedCursor::decode(last).map(Some).map_err(|error| wrong("Last-Event-ID", &error.to_string()))
        }
        _ => query.place(),
    }
}

/// Whose feed: by the token, or by a ticket that is spent with this.
async fn reader(
    caller: Result<Caller, Problem>,
    ticket: Option<&str>,
    state: &State,
) -> Result<(TenantId, UserId), Error> {
    let Some(ticket) = ticket else {
        let caller = caller?;
        caller.require(Scope::Read)?;
        return Ok((caller.tenant, caller.user));
    };
    let tx = state.db.system().await?;
    let holder = feed::redeem(&tx, token::hash(ticket), state.seams.clock.now()).await?;
    tx.commit().await?;
    let spent =
        || Problem::unauthorized().with_code(codes::UNAUTHORIZED).with_detail("The ticket is not good any more.");
    let holder = holder.ok_or_else(spent)?;
    Ok((holder.tenant, holder.user_id))
}

struct Reader {
    state: Data<State>,
    question: Question,
    cursor: FeedCursor,
    listener: Listener,
    /// Written and not sent yet.
    waiting: VecDeque<Bytes>,
    until: Instant,
    spoke: Instant,
}

impl Reader {
    /// The next piece; nothing at the end.
    async fn next(&mut self) -> Option<Result<Bytes, Problem>> {
        loop {
            if let Some(bytes) = self.waiting.pop_front() {
                self.spoke = Instant::now();
                return Some(Ok(bytes));
            }
            if Instant::now() >= self.until || self.state.stop.is_cancelled() {
                return None;
            }
            let bell = self.listener.bell();
            let rung = bell.notified();
            // The connection breaks, and the client comes again with what it has.
            if let Err(problem) = self.look().await {
                return Some(Err(problem));
            }
            if !self.waiting.is_empty() {
                continue;
            }
            if self.spoke.elapsed() >= HEARTBEAT {
                self.waiting.push_back(Bytes::from_static(b": nothing new\n\n"));
                continue;
            }
            tokio::select! {
                () = rung => {}
                () = tokio::time::sleep(LOOK) => {}
                () = self.state.stop.cancelled() => {}
            }
        }
    }

    async fn look(&mut self) -> Result<(), Problem> {
        let tx = self.state.db.tenant(&self.question.tenant).await?;
        let (shown, end) = read(&tx, &self.question, &self.cursor, self.state.seams.clock.now()).await?;
        tx.commit().await?;
        self.cursor = end;
        for (entry, place) in shown {
            let (view, id) = (EventView::from(entry), place.encode());
            let data = serde_json::to_string(&view).map_err(Problem::unexpected)?;
            let text = format!("id: {id}\nevent: {}\ndata: {data}\n\n", view.r#type);
            self.waiting.push_back(Bytes::from(text));
        }
        Ok(())
    }
}
