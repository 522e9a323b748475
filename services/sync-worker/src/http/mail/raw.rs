//! `GET /api/v1/emails/{id}/raw`

use actix_web::HttpResponse;
use actix_web::web::Data;
use postrider_domain::EmailId;
use postrider_web::{AccountHeader, Caller, PathId, Problem, Scope};

use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::store::{emails, sources};

#[utoipa::path(get, path = "/api/v1/emails/{id}/raw", tag = "mail", params(("id" = String, Path, description = "our id")),
    responses((status = 200, description = "RFC 822 source", content_type = "message/rfc822"),
              (status = 404, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<EmailId>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = ids(&accounts.covered(account.0, None)?);
    let row = emails::find(&tx, &covered, id).await.map_err(problem)?.ok_or_else(Problem::not_found)?;
    let source = sources::find(&tx, id).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let source = source.ok_or_else(|| Problem::not_found().with_detail("The source of this mail is not kept."))?;
    let bytes = source.unpack().map_err(Problem::unexpected)?;
    Ok(HttpResponse::Ok()
        .content_type("message/rfc822")
        // The id is hexadecimal Gmail text, but a header takes no chances.
        .insert_header((
            "Content-Disposition",
            format!("attachment; filename=\"{}.eml\"", file_stem(row.message_id.as_str())),
        ))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(bytes))
}

fn file_stem(message_id: &str) -> String {
    message_id.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}
