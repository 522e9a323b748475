//! `GET /api/v1/emails/{id}/raw`: one mail as a file.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use postrider_domain::EmailId;
use postrider_web::{AccountHeader, Caller, PathId, Problem, Scope};

use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::http::download::File;
use crate::store::emails;

/// A mail's RFC 822 source, byte for byte.
#[utoipa::path(get, path = "/api/v1/emails/{id}/raw", tag = "mail",
    params(("id" = String, Path, description = "our id"),
           ("Range" = Option<String>, Header, description = "one range of bytes"),
           ("If-None-Match" = Option<String>, Header, description = "the tag of what the client has")),
    responses((status = 200, description = "RFC 822 source, as an .eml file", content_type = "message/rfc822"),
              (status = 206, description = "the part that was asked for", content_type = "message/rfc822"),
              (status = 304, description = "the client has it"),
              (status = 404, body = postrider_web::ProblemDocument),
              (status = 416, description = "the range lies behind the end"),
              (status = 503, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<EmailId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = ids(&accounts.covered(account.0, None)?);
    let row = emails::find(&tx, &covered, id).await.map_err(problem)?.ok_or_else(Problem::not_found)?;
    tx.commit().await.map_err(problem)?;
    // The id is hexadecimal Gmail text, and a header takes no chances in any case.
    let name = format!("{}.eml", row.message_id);
    // A source never changes.
    let file = File { name: &name, content_type: "message/rfc822", etag: format!("\"{}\"", id.0.simple()) };
    if let Some(unchanged) = file.unchanged(&request) {
        return Ok(unchanged);
    }
    let held = api.sources.whole(&caller.tenant, id, row.size_bytes).await?;
    let held = held.ok_or_else(|| Problem::not_found().with_detail("The source of this mail is not kept."))?;
    Ok(file.send(&request, held, None))
}
