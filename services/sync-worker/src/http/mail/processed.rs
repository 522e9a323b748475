//! `POST /api/v1/emails/{id}/processed`, `POST /api/v1/emails/processed`

use actix_web::web::{Data, Json};
use postrider_domain::EmailId;
use postrider_web::{AccountHeader, ApiJson, Caller, PathId, Problem, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::accounts::ids;
use crate::http::api::{Api, invalid, problem};
use crate::store::emails;

/// Most mails of one request.
const MAX_IDS: usize = 1_000;

/// The flag to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ProcessedRequest)]
pub struct One {
    pub processed: bool,
}

/// The flag to set on several mails.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BulkProcessedRequest)]
pub struct Many {
    /// Our ids, 1–1,000.
    #[schema(value_type = Vec<Uuid>)]
    pub ids: Vec<EmailId>,
    pub processed: bool,
}

/// The flag as it is now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Processed {
    pub id: Uuid,
    pub processed: bool,
}

/// How many mails of the request carry the flag as asked now.
#[derive(Debug, Serialize, ToSchema)]
pub struct BulkProcessed {
    /// Those that are the caller's.
    pub updated: usize,
    /// Those that were named.
    pub total: usize,
}

/// Sets a mail's consumer flag.
#[utoipa::path(post, path = "/api/v1/emails/{id}/processed", tag = "mail", request_body = One,
    params(("id" = String, Path, description = "our id")),
    responses((status = 200, body = Processed), (status = 403, body = postrider_web::ProblemDocument),
              (status = 404, body = postrider_web::ProblemDocument), (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<EmailId>,
    body: ApiJson<One>,
) -> Result<Json<Processed>, Problem> {
    let (id, processed) = (id.into_inner(), body.processed);
    if set(&api, &caller, account, &[id], processed).await? == 0 {
        return Err(Problem::not_found());
    }
    Ok(Json(Processed { id: id.0, processed }))
}

/// Sets the consumer flag of up to 1,000 mails.
#[utoipa::path(post, path = "/api/v1/emails/processed", tag = "mail", request_body = Many,
    responses((status = 200, body = BulkProcessed), (status = 403, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn bulk(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    body: ApiJson<Many>,
) -> Result<Json<BulkProcessed>, Problem> {
    let Many { ids, processed } = body.into_inner();
    if ids.is_empty() || ids.len() > MAX_IDS {
        return Err(invalid("ids", "must hold 1 to 1,000 ids"));
    }
    let updated = set(&api, &caller, account, &ids, processed).await?;
    Ok(Json(BulkProcessed { updated, total: ids.len() }))
}

async fn set(
    api: &Api,
    caller: &Caller,
    account: AccountHeader,
    emails: &[EmailId],
    processed: bool,
) -> Result<usize, Problem> {
    let (tx, accounts) = api.open(caller, Scope::Write).await?;
    let covered = ids(&accounts.covered(account.0, None)?);
    let found = emails::set_processed(&tx, &covered, emails, processed, api.now()).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    Ok(found.len())
}
