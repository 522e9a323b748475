//! `GET /api/v1/events`: a page, or a wait for one.

use std::time::Duration;

use actix_web::web::{Data, Json};
use postrider_web::{AccountHeader, ApiQuery, Caller, Page, Problem, Scope};
use tokio::time::Instant;

use super::{EventView, FeedParams, WAITING, wrong};
use crate::error::Error;
use crate::feed::{Question, read};
use crate::http::account::must_own;
use crate::state::State;

/// Longest wait, in seconds.
const LONGEST: u64 = 30;
/// Entries of a page where nothing is said, and the most.
const USUAL: usize = 50;
const MOST: usize = 100;
/// Between two looks for what other replicas wrote.
const LOOK: Duration = Duration::from_secs(1);

/// The feed from a cursor on; waits up to 30 s for something new.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", params(FeedParams),
    responses((status = 200, body = Page<EventView>), (status = 404), (status = 410), (status = 422), (status = 429))
)]
pub async fn handle(
    caller: Caller,
    query: ApiQuery<FeedParams>,
    header: AccountHeader,
    state: Data<State>,
) -> Result<Json<Page<EventView>>, Error> {
    caller.require(Scope::Read)?;
    let wait = query.wait.unwrap_or(0);
    if wait > LONGEST {
        return Err(wrong("wait", "must be from 0 to 30").into());
    }
    let limit = query.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(wrong("limit", "must be from 1 to 100").into());
    }
    if query.ticket.is_some() {
        return Err(wrong("ticket", "is for the stream").into());
    }
    let account = header.or(query.account())?;
    let (types, from) = (query.types()?, query.place()?.unwrap_or_default());
    let (tenant, user) = (caller.tenant.clone(), caller.user.clone());
    let question = Question { tenant, user, account, types, limit };
    let tx = state.db.tenant(&caller.tenant).await?;
    must_own(&tx, &caller, account).await?;
    tx.commit().await?;
    let listener = state.feed_bells.listen(&caller.tenant, &caller.user, WAITING);
    let listener = listener.ok_or_else(|| Problem::rate_limited(LOOK))?;
    let (bell, until) = (listener.bell(), Instant::now() + Duration::from_secs(wait));
    loop {
        let rung = bell.notified();
        let tx = state.db.tenant(&caller.tenant).await?;
        let (shown, end) = read(&tx, &question, &from, state.seams.clock.now()).await.map_err(Problem::from)?;
        tx.commit().await?;
        let over = Instant::now() >= until || state.stop.is_cancelled();
        if !shown.is_empty() || over {
            let data = shown.into_iter().map(|(entry, _)| entry.into()).collect();
            return Ok(Json(Page::new(data, Some(end.encode()))));
        }
        let look = (Instant::now() + LOOK).min(until);
        tokio::select! {
            () = rung => {}
            () = tokio::time::sleep_until(look) => {}
            () = state.stop.cancelled() => {}
        }
    }
}
