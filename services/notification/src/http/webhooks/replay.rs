//! `POST /api/v1/webhook-endpoints/{id}/replay`: sends an account's feed from a number on again.

use actix_web::web::{Data, Json};
use postrider_contracts::topology::NOTIFICATION_MAILBOX;
use postrider_domain::ConnectorId;
use postrider_web::{ApiJson, Caller, PathId, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{ENDPOINT_DISABLED, lock_own_to_change, wrong};
use crate::error::Error;
use crate::rules::webhook::EndpointStatus;
use crate::state::State;
use crate::store::accounts;
use crate::store::deliveries::{self, Replayed};
use crate::store::feed::{self, Span};

/// Entries of one request.
const MOST: i64 = 5_000;
/// 409: the caller has several accounts and names none.
const ACCOUNT_AMBIGUOUS: &str = "account_ambiguous";

/// From where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = WebhookReplay)]
pub struct Body {
    /// The first number that is sent.
    from_seq: i64,
    /// Needed where the endpoint is told of several.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    account_id: Option<Uuid>,
}

/// What is sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replaying {
    pub queued: usize,
    /// Go on from here with another request; null at the head.
    pub next_seq: Option<i64>,
}

/// Sends what the feed holds from a place on again.
#[utoipa::path(
    post, path = "/api/v1/webhook-endpoints/{id}/replay", tag = "webhooks", params(("id" = String, Path)),
    request_body = Body,
    responses((status = 200, body = Replaying), (status = 403), (status = 404), (status = 409), (status = 422))
)]
pub async fn handle(
    caller: Caller,
    id: PathId<Uuid>,
    body: ApiJson<Body>,
    state: Data<State>,
) -> Result<Json<Replaying>, Error> {
    caller.require(Scope::Write)?;
    if body.from_seq < 1 {
        return Err(wrong("from_seq", "must be 1 or more").into());
    }
    let (tenant, now) = (&caller.tenant, state.seams.clock.now());
    let tx = state.db.tenant(tenant).await?;
    let one = lock_own_to_change(&tx, &caller, *id).await?;
    if one.status == EndpointStatus::Disabled {
        return Err(Problem::conflict(ENDPOINT_DISABLED, "The endpoint is disabled.").into());
    }
    let named = body.account_id.map(ConnectorId);
    // One that is told everything of the tenant is told other users' mailboxes too, each by its name.
    let other = match named.filter(|_| one.whole_tenant) {
        Some(account) => accounts::find(&tx, tenant, account).await?.map(|account| account.owner),
        None => None,
    };
    let owner = other.as_ref().unwrap_or(&caller.user);
    let mut heads = feed::heads(&tx, tenant, owner, named, NOTIFICATION_MAILBOX.name).await?;
    let told = |account: ConnectorId| one.account_ids.as_ref().is_none_or(|ids| ids.contains(&account.0));
    heads.retain(|head| told(head.account_id));
    let head = match (heads.as_slice(), named) {
        ([head], _) => *head,
        ([], _) => return Err(Error::not_found()),
        (several, _) => {
            let ids: Vec<_> = several.iter().map(|head| head.account_id.to_string()).collect();
            let problem = Problem::conflict(ACCOUNT_AMBIGUOUS, "The endpoint is told of several accounts: name one.");
            return Err(problem.with("accounts", ids).into());
        }
    };
    let span = Span { account: head.account_id, after: Some(body.from_seq - 1), until: head.head };
    let entries = feed::entries(&tx, tenant, &[span], &one.event_types, MOST).await?;
    let full = i64::try_from(entries.len()).unwrap_or(MOST) == MOST;
    let next_seq = entries.last().filter(|_| full).map(|last| last.seq + 1);
    let events: Vec<_> = entries
        .into_iter()
        .map(|feed::Entry { event_id, kind, account_id: account, seq, .. }| {
            (state.seams.ids.uuid(), Replayed { event_id, kind, account, seq })
        })
        .collect();
    let queued = deliveries::replay(&tx, tenant, one.id, &events, Some(now), now).await?;
    let bell = state.engine.bell.clone();
    tx.on_commit(move || bell.ring());
    tx.commit().await?;
    Ok(Json(Replaying { queued, next_seq }))
}
