//! `GET /api/v1/emails/{id}/raw`

use actix_web::HttpResponse;
use actix_web::web::Data;
use domain::EmailId;
use web::{Caller, PathId, Problem};

use crate::http::api::{Api, covered, problem};
use crate::store::mail_reads::{self, SourceRow};

#[utoipa::path(get, path = "/api/v1/emails/{id}/raw", tag = "mail", params(("id" = String, Path, description = "our id")),
    responses((status = 200, description = "RFC 822 source", content_type = "message/rfc822"),
              (status = 404, body = web::ProblemDocument)))]
pub async fn handle(api: Data<Api>, caller: Caller, id: PathId<EmailId>) -> Result<HttpResponse, Problem> {
    let id = id.into_inner().0;
    let (mut tx, accounts) = api.open(&caller).await?;
    let row = mail_reads::find(&mut tx, covered(&accounts, None)?, id).await.map_err(problem)?;
    let row = row.ok_or_else(Problem::not_found)?;
    let source = mail_reads::source(&mut tx, id).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let source = source.ok_or_else(|| Problem::not_found().with_detail("The source of this mail is not kept."))?;
    let bytes = decode(source).map_err(Problem::unexpected)?;
    Ok(HttpResponse::Ok()
        .content_type("message/rfc822")
        // The id is hexadecimal Gmail text, but a header takes no chances.
        .insert_header(("Content-Disposition", format!("attachment; filename=\"{}.eml\"", file_stem(&row.message_id))))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(bytes))
}

fn file_stem(message_id: &str) -> String {
    message_id.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

/// Undoes the codec. The stored length bounds what decompression may produce.
fn decode(source: SourceRow) -> std::io::Result<Vec<u8>> {
    match source.codec {
        0 => Ok(source.raw),
        _ => zstd::bulk::decompress(&source.raw, usize::try_from(source.size_bytes).unwrap_or(0)),
    }
}
