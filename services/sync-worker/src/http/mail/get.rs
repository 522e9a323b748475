//! `GET /api/v1/emails/{id}`

use actix_web::web::{Data, Json};
use postrider_domain::EmailId;
use postrider_web::{AccountHeader, Caller, PathId, Problem, Scope};

use super::view::{Mail, MailDetail};
use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::store::{attachments, emails, labels, references};

#[utoipa::path(get, path = "/api/v1/emails/{id}", tag = "mail", params(("id" = String, Path, description = "our id")),
    responses((status = 200, body = MailDetail), (status = 404, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<EmailId>,
) -> Result<Json<MailDetail>, Problem> {
    let id = id.into_inner();
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = ids(&accounts.covered(account.0, None)?);
    let row = emails::find(&tx, &covered, id).await.map_err(problem)?.ok_or_else(Problem::not_found)?;
    let (connectors, carried) = ([row.connector_id], row.label_ids.iter().collect::<Vec<_>>());
    let (names, body, attachments, references) = tokio::try_join!(
        labels::names_of(&tx, &connectors, &carried),
        emails::find_body(&tx, id),
        attachments::list(&tx, id),
        references::list(&tx, id)
    )
    .map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    Ok(Json(MailDetail::new(Mail::new(row, &names), body, attachments, references)))
}
