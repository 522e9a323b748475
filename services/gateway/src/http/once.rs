//! Writes under an `Idempotency-Key`: carried out once, whichever replicas its repeats come to.
//!
//! The key is claimed before the write goes on and answered after it. A gateway that dies between the two leaves a claim
//! that runs out after a minute; then a repeat goes on once more, with the same [id](crate::rules::idempotency), which
//! lets the service create nothing twice. A write that was refused had no effect and is forgotten: its key may be used
//! again. One that failed may have had its effect: its repeat goes on at once, under the same id.

use std::future::Future;
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody as _, to_bytes_limited};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use postrider_domain::{TenantId, Timestamp, UserId};
use postrider_web::Scope;
use uuid::Uuid;

use super::admit::text_of;
use crate::error::Error;
use crate::observe;
use crate::proxy::LONGEST;
use crate::rules::idempotency::{Answer, IdempotencyKey, Write};
use crate::rules::identity::Identity;
use crate::state::State;
use crate::store::idempotency_keys::{self, Request};

/// How long a claim counts, as the store has it.
const CLAIM: Duration = Duration::from_secs(60);
/// How long a key is remembered.
pub const KEPT: TimeDelta = TimeDelta::hours(24);
/// A claim may be given up between our claim and our look.
const LOOKS: usize = 3;

/// Why a write under a key is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("Idempotency-Key must be 1 to 255 visible ASCII characters, once")]
    Malformed,
    #[error("the Idempotency-Key was used for another request")]
    OtherRequest,
    #[error("the request with this Idempotency-Key is under way")]
    UnderWay(Duration),
}

/// A write that may come again.
pub struct Repeatable {
    key: IdempotencyKey,
    tenant: TenantId,
    user: UserId,
    actor: UserId,
    /// Whether the caller is an administrator: what one was answered is not for a weaker token.
    rules: bool,
    method: &'static str,
    route: &'static str,
    target: String,
    account: String,
    body: Bytes,
}

impl Repeatable {
    /// None without the header, and for callers who may not write: what they ask is refused by its service, and a kept
    /// answer is not for them.
    ///
    /// # Errors
    /// A header that is no key.
    pub fn of(
        request: &HttpRequest,
        identity: &Identity,
        method: &'static str,
        route: &'static str,
        body: &Bytes,
    ) -> Result<Option<Self>, Refused> {
        let Some(given) = text_of(request, "idempotency-key") else { return Ok(None) };
        let key = IdempotencyKey::parse(&given).ok_or(Refused::Malformed)?;
        if !identity.scopes.allows(Scope::Write) {
            return Ok(None);
        }
        let rules = identity.scopes.allows(Scope::TenantAdmin);
        let Identity { tenant, user, actor, .. } = identity.clone();
        let target = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
        let account = text_of(request, "x-account-id").unwrap_or_default();
        Ok(Some(Self { key, tenant, user, actor, rules, method, route, target, account, body: body.clone() }))
    }

    fn write(&self) -> Write<'_> {
        let Self { tenant, user, actor, rules, method, route, target, account, body, .. } = self;
        Write { tenant, user, actor, rules: *rules, method, route, target, account, body }
    }

    /// The row that remembers it.
    fn row(&self) -> Request<'_> {
        Request { tenant: &self.tenant, user: &self.user, key: self.key.hash(), request: self.write().hash() }
    }
}

/// Carries a write out, or answers as it was answered before. `effect` gets the write's id.
///
/// # Errors
/// The key is refused, the database is away, or the write fails.
pub async fn run<F>(
    repeatable: Option<Repeatable>,
    state: &Data<State>,
    effect: impl FnOnce(Option<Uuid>) -> F + 'static,
) -> Result<HttpResponse, Error>
where
    F: Future<Output = Result<HttpResponse, Error>> + 'static,
{
    let Some(repeatable) = repeatable else { return effect(None).await };
    let claim = state.seams.ids.uuid();
    let first = match claimed(&repeatable, claim, state).await? {
        Claimed::Since(first) => first,
        Claimed::Answered(answer) => return Ok(replay(answer)),
    };
    let state = state.clone();
    // On this worker's thread: it goes to its end also when the client does not wait for it.
    let carried = actix_web::rt::spawn(async move {
        let id = repeatable.key.write_id(&repeatable.write(), first);
        let outcome = effect(Some(id)).await;
        settle(&repeatable, claim, outcome, &state).await
    });
    carried.await.unwrap_or(Err(Error::Aborted))
}

/// What came of claiming a key.
enum Claimed {
    /// The write is ours to carry out; it first came then.
    Since(Timestamp),
    Answered(Answer),
}

/// Claims the key; gives the answer if there is one already.
async fn claimed(repeatable: &Repeatable, claim: Uuid, state: &State) -> Result<Claimed, Error> {
    let row = repeatable.row();
    for _ in 0..LOOKS {
        let now = state.seams.clock.now();
        let tx = state.db.tenant(row.tenant).await?;
        if let Some(first) = idempotency_keys::claim(&tx, &row, claim, now, now - KEPT).await? {
            tx.commit().await?;
            return Ok(Claimed::Since(first));
        }
        let known = idempotency_keys::find(&tx, &row).await?;
        tx.commit().await?;
        let Some(known) = known else { continue };
        if known.request_hash != row.request {
            return Err(Refused::OtherRequest.into());
        }
        if let Some(sealed) = known.answer_sealed {
            let opened = repeatable.key.open(&repeatable.write(), &sealed);
            return opened.map(Claimed::Answered).ok_or(Error::Aborted);
        }
        // Another replica's claim may be younger than our look.
        let left = Duration::from_secs(u64::try_from(known.seconds_left).unwrap_or_default()).min(CLAIM);
        return Err(Refused::UnderWay(left).into());
    }
    Err(Refused::UnderWay(Duration::from_secs(1)).into())
}

/// Keeps the answer of what had its effect, and gives the claim of what had none up.
async fn settle(
    repeatable: &Repeatable,
    claim: Uuid,
    outcome: Result<HttpResponse, Error>,
    state: &State,
) -> Result<HttpResponse, Error> {
    let (response, kept) = match outcome {
        Ok(response) if response.status().as_u16() < 400 => {
            let (response, answer) = read(response).await?;
            (Ok(response), keep(repeatable, claim, answer, state).await)
        }
        // It may have had its effect: the claim runs out by itself, and the repeat has the same id.
        Err(error @ Error::Unreachable(_)) => (Err(error), Ok(())),
        outcome if has_failed(&outcome) => (outcome, fail(repeatable, claim, state).await),
        refused => (refused, give_up(repeatable, claim, state).await),
    };
    if let Err(error) = kept {
        observe::answer_not_kept(&error);
    }
    response
}

async fn keep(
    repeatable: &Repeatable,
    claim: Uuid,
    answer: Option<Answer>,
    state: &State,
) -> Result<(), postrider_storage::Error> {
    let write = repeatable.write();
    let Some(sealed) = answer.and_then(|answer| repeatable.key.seal(&write, &answer)) else { return Ok(()) };
    let tx = state.db.tenant(write.tenant).await?;
    let _taken_over = idempotency_keys::answer(&tx, &repeatable.row(), claim, &sealed).await?;
    tx.commit().await
}

/// Whether nobody can say that there was no effect.
fn has_failed(outcome: &Result<HttpResponse, Error>) -> bool {
    match outcome {
        Ok(response) => response.status().is_server_error(),
        Err(Error::Storage(_) | Error::Aborted) => true,
        Err(_) => false,
    }
}

async fn fail(repeatable: &Repeatable, claim: Uuid, state: &State) -> Result<(), postrider_storage::Error> {
    let tx = state.db.tenant(&repeatable.tenant).await?;
    idempotency_keys::fail(&tx, &repeatable.row(), claim).await?;
    tx.commit().await
}

async fn give_up(repeatable: &Repeatable, claim: Uuid, state: &State) -> Result<(), postrider_storage::Error> {
    let tx = state.db.tenant(&repeatable.tenant).await?;
    idempotency_keys::release(&tx, &repeatable.row(), claim).await?;
    tx.commit().await
}

/// Reads an answer whole, to be kept and to be given. One that is too large is given only.
async fn read(response: HttpResponse) -> Result<(HttpResponse, Option<Answer>), Error> {
    if matches!(response.body().size(), BodySize::Sized(size) if size > u64::try_from(LONGEST).unwrap_or(u64::MAX)) {
        return Ok((response, None));
    }
    let (head, body) = response.into_parts();
    let body = to_bytes_limited(body, LONGEST).await.map_err(|_| Error::Aborted)?.map_err(|_| Error::Aborted)?;
    let headers = head.headers().iter();
    let headers = headers.filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let answer = Answer { status: head.status().as_u16(), headers: headers.collect(), body: body.to_vec() };
    Ok((head.set_body(BoxBody::new(body)), Some(answer)))
}

fn replay(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name.as_str()), HeaderValue::from_str(value)) {
            response.append_header((name, value));
        }
    }
    response.insert_header(("idempotency-replayed", "true"));
    response.body(answer.body)
}
