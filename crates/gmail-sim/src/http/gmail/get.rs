//! `messages.get` in its four formats, and attachments.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::json;

use crate::error::ApiError;
use crate::gate::Method;
use crate::http::call::Call;
use crate::http::json::{MessageHead, answer};
use crate::http::payload;
use crate::ids::MsgId;
use crate::mailbox::Gap;
use crate::server::Sim;

pub(super) async fn get(request: HttpRequest, sim: Data<Sim>, path: Path<(String, String)>) -> HttpResponse {
    let (user, id) = path.into_inner();
    let call = Call { sim: &sim, request: &request, method: Method::MessagesGet, user: &user, entity: Some(&id) };
    call.run(|sim, caller| {
        let format = caller.query.get("format").unwrap_or("full").to_lowercase();
        let bodies = caller.access.allows(Method::AttachmentsGet.scopes());
        if !bodies && matches!(format.as_str(), "full" | "raw") {
            let text = format!("Metadata scope doesn't allow format {}", format.to_uppercase());
            return Err(ApiError::new(403, "forbidden", text));
        }
        // The mailbox is locked only to find the message; its bytes are written after.
        let found = sim.world.get_message(&caller.address, message_id(&id)?)?;
        let mail = found.letter.render();
        let mut head = MessageHead::new(&found, &mail.snippet, mail.raw.len());
        match format.as_str() {
            "raw" => {
                head.raw = match found.gaps.raw {
                    None => Some(URL_SAFE.encode(&mail.raw)),
                    Some(Gap::Blank) => Some(String::new()),
                    Some(Gap::Absent) => None,
                }
            }
            "full" => head.payload = Some(payload::full(&mail.raw, sim.gate.calls())),
            "metadata" => head.payload = Some(payload::metadata(&mail.raw, &caller.query.all("metadataHeaders"))),
            "minimal" => {}
            other => return Err(ApiError::invalid(format!("Invalid value at 'format': \"{other}\""))),
        }
        answer(&head)
    })
    .await
}

pub(super) async fn attachment(
    request: HttpRequest,
    sim: Data<Sim>,
    path: Path<(String, String, String)>,
) -> HttpResponse {
    let (user, id, attachment) = path.into_inner();
    let call = Call { sim: &sim, request: &request, method: Method::AttachmentsGet, user: &user, entity: Some(&id) };
    call.run(|sim, caller| {
        let found = sim.world.get_message(&caller.address, message_id(&id)?)?;
        let raw = found.letter.render().raw;
        let bytes =
            payload::attachment(&raw, &attachment).ok_or_else(|| ApiError::invalid("Invalid attachment token"))?;
        answer(&json!({"size": bytes.len(), "data": URL_SAFE.encode(bytes)}))
    })
    .await
}

/// Gmail answers 400 for what cannot be an id and 404 for one it does not know.
pub(super) fn message_id(text: &str) -> Result<MsgId, ApiError> {
    text.parse().map_err(|_bad| ApiError::invalid("Invalid id value"))
}
