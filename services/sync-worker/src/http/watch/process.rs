//! `POST /api/v1/gmail/watch/queue/process`: what waits in the queue is looked at now.

use std::collections::BTreeSet;

use actix_web::web::{Data, Json};
use postrider_domain::{AccountStatus, ConnectorId, RunId, RunKind};
use postrider_web::{AccountHeader, ApiJson, Caller, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::api::{Api, invalid, problem};
use crate::http::waiting::wait;
use crate::store::queue::shown::{self, QueueStatus};
use crate::store::runs;

/// Most pushes of one request.
const MOST: i64 = 1_000;

/// What to do.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
#[schema(as = ProcessRequest)]
pub struct Body {
    /// Pushes at most, 1–1000; 100 where nothing is said.
    pub batch_size: Option<i64>,
    /// Also those that failed.
    pub retry_failed: bool,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct Processed {
    pub processed: i64,
    pub failed: i64,
    /// Pushes of the caller's accounts that still wait: those whose records Gmail does not show yet among them.
    pub remaining: i64,
}

/// Looks at each account that has pushes waiting, and waits up to 30 s for it. Accounts that cannot be looked at are left out.
#[utoipa::path(post, path = "/api/v1/gmail/watch/queue/process", tag = "watch", request_body = Body,
    responses((status = 200, body = Processed), (status = 403, body = postrider_web::ProblemDocument),
              (status = 404, body = postrider_web::ProblemDocument), (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    body: ApiJson<Body>,
) -> Result<Json<Processed>, Problem> {
    let body = body.into_inner();
    let batch = body.batch_size.unwrap_or(100);
    if !(1..=MOST).contains(&batch) {
        return Err(invalid("batch_size", "must be from 1 to 1000"));
    }
    let now = api.now();
    let (mut tx, accounts) = api.open(&caller, Scope::Write).await?;
    let covered = accounts.covered(account.0, None)?;
    let able: Vec<ConnectorId> =
        covered.iter().filter(|account| account.status == AccountStatus::Active).map(|account| account.id).collect();
    if body.retry_failed {
        shown::retry_failed(&tx, &able, batch, now).await.map_err(problem)?;
    }
    let open = shown::list_open(&tx, &able, batch).await.map_err(problem)?;
    let pushes: Vec<Uuid> = open.iter().map(|push| push.id).collect();
    // In one order: two requests never wait for each other's mailboxes.
    let connectors: BTreeSet<ConnectorId> = open.iter().map(|push| push.connector_id).collect();
    let mut asked = Vec::new();
    for connector in connectors {
        let id = RunId(api.ids.uuid());
        let request =
            runs::Request { tenant: &caller.tenant, connector, id, kind: RunKind::Incremental, max_results: None };
        // Where too many wait already, one of them is as good.
        asked.extend(runs::ask(&mut tx, &request, now).await.map_err(problem)?);
        api.wake_after(&mut tx, connector);
    }
    tx.commit().await.map_err(problem)?;
    if !asked.is_empty() {
        wait(&api, &caller, &asked).await?;
    }
    let (tx, accounts) = api.open(&caller, Scope::Write).await?;
    let all = crate::http::accounts::ids(&accounts.covered(account.0, None)?);
    let (processed, failed, remaining) = tokio::try_join!(
        shown::count_among(&tx, &pushes, QueueStatus::Completed),
        shown::count_among(&tx, &pushes, QueueStatus::Failed),
        shown::count_open(&tx, &all)
    )
    .map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    Ok(Json(Processed { processed, failed, remaining }))
}
