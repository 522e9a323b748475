//! What a message says. It is read when it is sent: what was erased meanwhile is not told any more.

use postrider_domain::{TenantId, Timestamp};
use postrider_storage::{Error, TenantTx};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::rules::feed::thin;
use crate::store::deliveries::Delivery;
use crate::store::endpoints::Endpoint;
use crate::store::{feed, notifications, triggers};

/// The bytes of a delivery; nothing if what it is about is gone.
pub async fn body(
    tx: &TenantTx,
    tenant: &TenantId,
    endpoint: &Endpoint,
    delivery: &Delivery,
) -> Result<Option<Vec<u8>>, Error> {
    let content = |data: Value| if endpoint.include_content { data } else { thin(data) };
    let message = match (delivery.account_id, delivery.seq, delivery.notification) {
        (Some(account), Some(seq), _) => {
            let Some(entry) = feed::find(tx, tenant, account, seq).await? else { return Ok(None) };
            json!({ "id": entry.event_id, "type": entry.kind, "timestamp": entry.time, "account_id": account,
                    "seq": seq, "data": content(entry.data) })
        }
        (account, _, Some(id)) => {
            let Some(row) = notifications::of_tenant(tx, tenant, id).await? else { return Ok(None) };
            let mut data = json!({ "notification_id": id, "user_id": row.user_id.as_str(),
                "notification_type": row.kind.as_str(), "email_id": row.email_id, "message_id": row.message_id });
            if endpoint.include_content
                && let Some(members) = data.as_object_mut()
            {
                members.insert("title".to_owned(), json!(row.title));
                members.insert("message".to_owned(), json!(row.message));
                members.insert("sender_email".to_owned(), json!(row.sender_email));
                members.insert("sender_name".to_owned(), json!(row.sender_name));
            }
            json!({ "id": delivery.event_id, "type": delivery.kind, "timestamp": row.created_at,
                    "account_id": account, "seq": row.feed_seq, "data": data })
        }
        (account, _, _) if delivery.kind == "trigger.fired" => {
            let Some(fire) = triggers::find_fire(tx, tenant, delivery.event_id).await? else { return Ok(None) };
            json!({ "id": fire.id, "type": delivery.kind, "timestamp": fire.created_at, "account_id": account,
                    "seq": fire.feed_seq, "data": { "trigger_id": fire.trigger_id, "email_id": fire.email_id,
                              "message_id": fire.message_id, "request_id": fire.request_id } })
        }
        _ => return test_body(delivery.event_id, delivery.created_at).map(Some),
    };
    serde_json::to_vec(&message).map(Some).map_err(|error| Error::Other(error.to_string()))
}

/// What the button for tests sends.
pub fn test_body(id: Uuid, at: Timestamp) -> Result<Vec<u8>, Error> {
    let message = json!({ "id": id, "type": "webhook.test", "timestamp": at, "data": {} });
    serde_json::to_vec(&message).map_err(|error| Error::Other(error.to_string()))
}
