//! `GET /api/v1/emails/{id}/attachments/{attachment_id}`: cut from the stored source, without asking Gmail.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use postrider_contracts::mailbox::AttachmentStored;
use postrider_domain::{EmailId, TenantId};
use postrider_mail::PARSER_VERSION;
use postrider_storage::Error;
use postrider_web::{AccountHeader, Caller, PathId, Problem, Scope};
use uuid::Uuid;

use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::http::download::{File, WhenTaken};
use crate::store::attachments::{self, Part};

/// The decoded bytes as the mail has them, never transcoded. The first complete download is told as an event.
#[utoipa::path(get, path = "/api/v1/emails/{id}/attachments/{attachment_id}", tag = "mail",
    params(("id" = String, Path, description = "our id of the mail"),
           ("attachment_id" = String, Path, description = "its id in the mail's detail"),
           ("Range" = Option<String>, Header, description = "one range of bytes"),
           ("If-None-Match" = Option<String>, Header, description = "the tag of what the client has")),
    responses((status = 200, description = "the bytes", content_type = "application/octet-stream"),
              (status = 206, description = "the part that was asked for", content_type = "application/octet-stream"),
              (status = 304, description = "the client has it"),
              (status = 404, body = postrider_web::ProblemDocument),
              (status = 416, description = "the range lies behind the end"),
              (status = 503, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let email = PathId::<EmailId>::named(&request, "id")?.into_inner();
    let id = PathId::<Uuid>::named(&request, "attachment_id")?.into_inner();
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = ids(&accounts.covered(account.0, None)?);
    let part = attachments::find(&tx, &covered, email, id).await.map_err(problem)?.ok_or_else(Problem::not_found)?;
    tx.commit().await.map_err(problem)?;
    let (name, content_type) = (part.filename.as_str(), part.content_type.as_str());
    // The bytes of a part follow from a source that never changes, its place, and who cuts.
    let file = File { name, content_type, etag: format!("\"{}.{PARSER_VERSION}\"", id.simple()) };
    if let Some(unchanged) = file.unchanged(&request) {
        return Ok(unchanged);
    }
    if part.off {
        return Err(Problem::not_found().with_detail("This account keeps no attachments."));
    }
    let place = (id, part.part_id.clone());
    let slice = part.slice().zip(u64::try_from(part.size_bytes).ok());
    let kept = match &part.blob_key {
        Some(key) => api.sources.blob(&caller.tenant, key).await?,
        None => None,
    };
    let held = match kept {
        Some(kept) => Some(kept),
        None => api.sources.part(&caller.tenant, (email, part.source_bytes), place, slice).await?,
    };
    let held = held.ok_or_else(|| Problem::not_found().with_detail("The source of this mail is not kept."))?;
    let told = part.downloaded_at.is_none().then(|| when_taken(&api, &caller.tenant, email, id));
    Ok(file.send(&request, held, told))
}

fn when_taken(api: &Api, tenant: &TenantId, email: EmailId, id: Uuid) -> WhenTaken {
    let (api, tenant) = (api.clone(), tenant.clone());
    Box::new(move || {
        let tasks = api.tasks.clone();
        // Where this fails the next download tells it: the client has its bytes in any case.
        tasks.spawn("attachment.taken", async move { tell(&api, &tenant, email, id).await });
    })
}

/// Notes the first complete download, and tells of it.
async fn tell(api: &Api, tenant: &TenantId, email: EmailId, id: Uuid) -> Result<(), Error> {
    let now = api.now();
    let mut tx = api.db().tenant(tenant).await?;
    let Some(Part { owner, connector_id, filename, size_bytes, .. }) =
        attachments::mark_downloaded(&tx, email, id, now).await?
    else {
        return Ok(());
    };
    let stored = AttachmentStored {
        email_id: email.to_string(),
        attachment_id: id.to_string(),
        filename,
        size_bytes: u64::try_from(size_bytes).unwrap_or(0),
        asked_for: true,
    };
    let event = api.event(tenant, &owner, connector_id, &stored);
    postrider_events::outbox::append(&mut tx, vec![event]).await?;
    tx.commit().await
}
