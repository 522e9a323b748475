//! `messages.insert` and `messages.import`.

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use chrono::DateTime;
use mail_parser::MessageParser;
use serde::Deserialize;
use serde_json::json;

use super::account::read;
use crate::error::ApiError;
use crate::gate::Method;
use crate::http::call::Call;
use crate::http::json::answer;
use crate::server::Sim;
use crate::world::Deliver;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Body {
    raw: String,
    label_ids: Vec<String>,
    thread_id: Option<String>,
}

pub(super) async fn insert(request: HttpRequest, sim: Data<Sim>, user: Path<String>, body: Bytes) -> HttpResponse {
    add(request, sim, user, body, Method::Insert).await
}

pub(super) async fn import(request: HttpRequest, sim: Data<Sim>, user: Path<String>, body: Bytes) -> HttpResponse {
    add(request, sim, user, body, Method::Import).await
}

async fn add(request: HttpRequest, sim: Data<Sim>, user: Path<String>, body: Bytes, method: Method) -> HttpResponse {
    let call = Call { sim: &sim, request: &request, method, user: &user, entity: None };
    call.run(|sim, caller| {
        let body: Body = read(&body)?;
        let raw = URL_SAFE_NO_PAD.decode(&body.raw).or_else(|_| URL_SAFE.decode(&body.raw));
        let raw = raw.map_err(|_bad| ApiError::invalid("Invalid value at 'message.raw' (TYPE_BYTES)"))?;
        if raw.is_empty() {
            return Err(ApiError::invalid(
                "'raw' RFC822 payload message string or uploading message via /upload/* URL required",
            ));
        }
        // insert dates by arrival, import by the Date header, unless the caller says otherwise.
        let usual = if method == Method::Import { "dateHeader" } else { "receivedTime" };
        let by_header = caller.query.get("internalDateSource").unwrap_or(usual) == "dateHeader";
        let parsed = MessageParser::default().parse_headers(&raw);
        let date = parsed.as_ref().and_then(|mail| DateTime::from_timestamp(mail.date()?.to_timestamp(), 0));
        let thread = body.thread_id.map(|id| id.parse()).transpose();
        let mail = Deliver {
            thread: thread.map_err(|_bad| ApiError::invalid("Invalid thread id"))?,
            internal_date: date.filter(|_| by_header),
            labels: Some(body.label_ids.clone()),
            raw: Some(raw),
            ..Deliver::default()
        };
        let (id, thread) = sim.world.insert(&caller.address, mail)?;
        answer(&json!({"id": id, "threadId": thread, "labelIds": body.label_ids}))
    })
    .await
}
