//! `messages.modify`, `trash`, `untrash`, `delete`.

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;

use super::account::read;
use super::get::message_id;
use crate::gate::Method;
use crate::http::call::{Answer, Call};
use crate::http::json::answer;
use crate::server::Sim;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Labels {
    add_label_ids: Vec<String>,
    remove_label_ids: Vec<String>,
}

type Target = Path<(String, String)>;

pub(super) async fn modify(request: HttpRequest, sim: Data<Sim>, path: Target, body: Bytes) -> HttpResponse {
    change(request, sim, path, Method::Modify, || read(&body)).await
}

pub(super) async fn trash(request: HttpRequest, sim: Data<Sim>, path: Target) -> HttpResponse {
    let labels = Labels {
        add_label_ids: vec!["TRASH".to_owned()],
        remove_label_ids: vec!["INBOX".to_owned(), "SPAM".to_owned()],
    };
    change(request, sim, path, Method::Trash, || Ok(labels)).await
}

pub(super) async fn untrash(request: HttpRequest, sim: Data<Sim>, path: Target) -> HttpResponse {
    let labels = Labels { add_label_ids: Vec::new(), remove_label_ids: vec!["TRASH".to_owned()] };
    change(request, sim, path, Method::Untrash, || Ok(labels)).await
}

pub(super) async fn delete(request: HttpRequest, sim: Data<Sim>, path: Target) -> HttpResponse {
    let (user, id) = path.into_inner();
    let call = Call { sim: &sim, request: &request, method: Method::Delete, user: &user, entity: Some(&id) };
    call.run(|sim, caller| sim.world.delete_message(&caller.address, message_id(&id)?).map(|()| Answer::Empty)).await
}

async fn change(
    request: HttpRequest,
    sim: Data<Sim>,
    path: Target,
    method: Method,
    labels: impl FnOnce() -> Result<Labels, crate::ApiError>,
) -> HttpResponse {
    let (user, id) = path.into_inner();
    let call = Call { sim: &sim, request: &request, method, user: &user, entity: Some(&id) };
    call.run(|sim, caller| {
        let (id, labels) = (message_id(&id)?, labels()?);
        let found = sim.world.modify(&caller.address, id, &labels.add_label_ids, &labels.remove_label_ids)?;
        answer(&json!({"id": found.id, "threadId": found.thread, "labelIds": found.labels}))
    })
    .await
}
