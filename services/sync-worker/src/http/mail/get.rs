//! `GET /api/v1/emails/{id}`

use actix_web::web::{Data, Json};
use postrider_domain::EmailId;
use postrider_web::{PathId, Problem, Scope};

use super::view::{Mail, MailDetail};
use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::http::asker::Asker;
use crate::store::{labels, mail_reads};

#[utoipa::path(get, path = "/api/v1/emails/{id}", tag = "mail", params(("id" = String, Path, description = "our id")),
    responses((status = 200, body = MailDetail), (status = 404, body = postrider_web::ProblemDocument)))]
pub async fn handle(api: Data<Api>, asker: Asker, id: PathId<EmailId>) -> Result<Json<MailDetail>, Problem> {
    let id = id.into_inner().0;
    let (tx, accounts) = api.open(&asker, Scope::Read).await?;
    let covered = ids(&accounts.covered(None, None)?);
    let row = mail_reads::find(&tx, covered, id).await.map_err(problem)?.ok_or_else(Problem::not_found)?;
    let (names, body, attachments, references) = tokio::try_join!(
        labels::names_of(&tx, vec![row.connector_id], row.label_ids.clone()),
        mail_reads::body(&tx, id),
        mail_reads::attachments(&tx, id),
        mail_reads::references(&tx, id)
    )
    .map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    Ok(Json(MailDetail::new(Mail::new(row, &names), body, attachments, references)))
}
