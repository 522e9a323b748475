//! `GET /api/v1/emails/{id}`

use actix_web::web::{Data, Json};
use domain::EmailId;
use web::{Caller, PathId, Problem};

use super::view::MailDetail;
use crate::http::api::{Api, covered, problem};
use crate::store::mail_reads;

#[utoipa::path(get, path = "/api/v1/emails/{id}", tag = "mail", params(("id" = String, Path, description = "our id")),
    responses((status = 200, body = MailDetail), (status = 404, body = web::ProblemDocument)))]
pub async fn handle(api: Data<Api>, caller: Caller, id: PathId<EmailId>) -> Result<Json<MailDetail>, Problem> {
    let id = id.into_inner().0;
    let (mut tx, accounts) = api.open(&caller).await?;
    let row = mail_reads::find(&mut tx, covered(&accounts, None)?, id).await.map_err(problem)?;
    let row = row.ok_or_else(Problem::not_found)?;
    let body = mail_reads::body(&mut tx, id).await.map_err(problem)?;
    let attachments = mail_reads::attachments(&mut tx, id).await.map_err(problem)?;
    let references = mail_reads::references(&mut tx, id).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    Ok(Json(MailDetail::new(row, body, attachments, references)))
}
