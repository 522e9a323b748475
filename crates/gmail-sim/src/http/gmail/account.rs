//! `getProfile`, `watch`, `stop`, `labels.list`, `labels.get`.

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::ApiError;
use crate::gate::Method;
use crate::http::call::{Answer, Call};
use crate::http::json::answer;
use crate::labels::Label;
use crate::server::Sim;
use crate::world::WatchRequest;

pub(super) async fn profile(request: HttpRequest, sim: Data<Sim>, user: Path<String>) -> HttpResponse {
    let call = Call { sim: &sim, request: &request, method: Method::GetProfile, user: &user, entity: None };
    call.run(|sim, caller| {
        let profile = sim.world.profile(&caller.address)?;
        answer(&json!({
            "emailAddress": profile.email_address,
            "messagesTotal": profile.messages_total,
            "threadsTotal": profile.threads_total,
            "historyId": profile.history_id.to_string(),
        }))
    })
    .await
}

#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[derive(Default)]
struct WatchBody {
    topic_name: String,
    label_ids: Vec<String>,
    label_filter_behavior: Option<String>,
    /// Older name of the same.
    label_filter_action: Option<String>,
}

pub(super) async fn watch(request: HttpRequest, sim: Data<Sim>, user: Path<String>, body: Bytes) -> HttpResponse {
    let call = Call { sim: &sim, request: &request, method: Method::Watch, user: &user, entity: None };
    call.run(|sim, caller| {
        let body: WatchBody = read(&body)?;
        if sim.pubsub.lets_gmail_publish(&body.topic_name) == Some(false) {
            return Err(not_allowed(&body.topic_name));
        }
        let behavior = body.label_filter_behavior.or(body.label_filter_action);
        let exclude = behavior.is_some_and(|behavior| behavior.eq_ignore_ascii_case("exclude"));
        let wanted = WatchRequest { topic: body.topic_name, label_ids: body.label_ids, exclude };
        let watching = sim.world.watch(&caller.address, &wanted)?;
        answer(&json!({
            "historyId": watching.history_id.to_string(),
            "expiration": watching.expiration.timestamp_millis().to_string(),
        }))
    })
    .await
}

/// The topic exists and its policy does not let Gmail publish.
fn not_allowed(topic: &str) -> ApiError {
    let text =
        format!("Error sending test message to Cloud PubSub {topic} : User not authorized to perform this action.");
    ApiError::new(403, "forbidden", text)
}

pub(super) async fn stop(request: HttpRequest, sim: Data<Sim>, user: Path<String>) -> HttpResponse {
    let call = Call { sim: &sim, request: &request, method: Method::Stop, user: &user, entity: None };
    call.run(|sim, caller| sim.world.stop(&caller.address).map(|()| Answer::Empty)).await
}

pub(super) async fn labels(request: HttpRequest, sim: Data<Sim>, user: Path<String>) -> HttpResponse {
    let call = Call { sim: &sim, request: &request, method: Method::LabelsList, user: &user, entity: None };
    call.run(|sim, caller| {
        let labels: Vec<Value> = sim.world.labels_list(&caller.address)?.iter().map(label_json).collect();
        answer(&json!({"labels": labels}))
    })
    .await
}

pub(super) async fn label(request: HttpRequest, sim: Data<Sim>, path: Path<(String, String)>) -> HttpResponse {
    let (user, id) = path.into_inner();
    let call = Call { sim: &sim, request: &request, method: Method::LabelsGet, user: &user, entity: Some(&id) };
    call.run(|sim, caller| {
        let counts = sim.world.label(&caller.address, &id)?;
        let mut body = label_json(&counts.label);
        if let Some(fields) = body.as_object_mut() {
            fields.insert("messagesTotal".to_owned(), json!(counts.messages_total));
            fields.insert("messagesUnread".to_owned(), json!(counts.messages_unread));
        }
        answer(&body)
    })
    .await
}

fn label_json(label: &Label) -> Value {
    let kind = if label.system { "system" } else { "user" };
    let mut body = json!({
        "id": label.id,
        "name": label.name,
        "type": kind,
        "messageListVisibility": if label.system { "hide" } else { "show" },
        "labelListVisibility": "labelShow",
    });
    // Chosen by the user, for some labels.
    if let (true, Some(fields)) = (!label.system && label.id.ends_with('1'), body.as_object_mut()) {
        fields.insert("color".to_owned(), json!({"textColor": "#ffffff", "backgroundColor": "#16a765"}));
    }
    body
}

/// A JSON body; an empty one is `{}`.
pub(super) fn read<T: serde::de::DeserializeOwned + Default>(body: &[u8]) -> Result<T, ApiError> {
    if body.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(body)
        .map_err(|error| ApiError::new(400, "parseError", format!("Invalid JSON payload received. {error}")))
}
