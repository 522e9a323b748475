//! Google's JSON: camelCase, 64-bit numbers as text, empty lists left out.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::call::Answer;
use crate::error::ApiError;
use crate::ids::MsgId;
use crate::mailbox::{Gap, HistoryChange, HistoryPage, HistoryRecord, MessagePage};
use crate::world::Found;

/// A value as the body of an answer.
pub(crate) fn answer(value: &impl Serialize) -> Result<Answer, ApiError> {
    serde_json::to_vec(value).map(Answer::Json).map_err(|error| ApiError::new(500, "backendError", error.to_string()))
}

/// Members that every form of a message has.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MessageHead<'a> {
    pub id: MsgId,
    pub thread_id: MsgId,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub label_ids: &'a [String],
    pub snippet: &'a str,
    pub size_estimate: usize,
    pub history_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<String>,
}

impl<'a> MessageHead<'a> {
    pub fn new(found: &'a Found, snippet: &'a str, size: usize) -> Self {
        Self {
            id: found.id,
            thread_id: found.thread,
            label_ids: &found.labels,
            snippet,
            size_estimate: size,
            history_id: found.history_id.to_string(),
            internal_date: match found.gaps.date {
                None => Some(found.internal_date.to_string()),
                Some(Gap::Blank) => Some("0".to_owned()),
                Some(Gap::Absent) => None,
            },
            payload: None,
            raw: None,
        }
    }
}

/// `messages.list`. An empty page has no `messages` member.
pub(crate) fn messages(page: &MessagePage) -> Value {
    let mut body = Map::new();
    if !page.messages.is_empty() {
        let ids = page.messages.iter().map(|(id, thread)| json!({"id": id, "threadId": thread}));
        body.insert("messages".to_owned(), ids.collect());
    }
    if let Some(token) = &page.next_page_token {
        body.insert("nextPageToken".to_owned(), json!(token));
    }
    body.insert("resultSizeEstimate".to_owned(), json!(page.result_size_estimate));
    Value::Object(body)
}

/// `history.list`. A page without records has no `history` member, even when it has a next token.
pub(crate) fn history(page: &HistoryPage) -> Value {
    let mut body = Map::new();
    if !page.records.is_empty() {
        body.insert("history".to_owned(), page.records.iter().map(record).collect());
    }
    if let Some(token) = &page.next_page_token {
        body.insert("nextPageToken".to_owned(), json!(token));
    }
    body.insert("historyId".to_owned(), json!(page.history_id.to_string()));
    Value::Object(body)
}

fn record(record: &HistoryRecord) -> Value {
    let lists = [
        ("messagesAdded", &record.messages_added),
        ("messagesDeleted", &record.messages_deleted),
        ("labelsAdded", &record.labels_added),
        ("labelsRemoved", &record.labels_removed),
    ];
    let mut seen: Vec<MsgId> = Vec::new();
    let mut messages: Vec<Value> = Vec::new();
    for change in lists.iter().flat_map(|(_, list)| list.iter()) {
        if !seen.contains(&change.message) {
            seen.push(change.message);
            messages.push(json!({"id": change.message, "threadId": change.thread}));
        }
    }
    messages.extend(record.bare.iter().map(|(id, thread)| json!({"id": id, "threadId": thread})));
    let mut body = Map::new();
    body.insert("id".to_owned(), json!(record.id.to_string()));
    body.insert("messages".to_owned(), Value::Array(messages));
    for (name, list) in lists {
        if !list.is_empty() {
            body.insert(name.to_owned(), list.iter().map(change).collect());
        }
    }
    Value::Object(body)
}

fn change(change: &HistoryChange) -> Value {
    let mut message = json!({"id": change.message, "threadId": change.thread});
    if let Some(fields) = message.as_object_mut()
        && !change.message_labels.is_empty()
    {
        fields.insert("labelIds".to_owned(), json!(change.message_labels));
    }
    let mut body = json!({"message": message});
    if let Some(fields) = body.as_object_mut()
        && !change.labels.is_empty()
    {
        fields.insert("labelIds".to_owned(), json!(change.labels));
    }
    body
}
