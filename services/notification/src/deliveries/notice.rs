//! What a push says. It is read when it is sent: what was read, withdrawn or switched off meanwhile is not told any more.

use chrono::TimeDelta;
use postrider_domain::text::truncate;
use postrider_domain::{TenantId, Timestamp};
use postrider_storage::{Error, TenantTx};
use serde_json::{Value, json};

use super::wanted::{NAMED, Wanted, wanted};
use crate::channels::web_push::LONGEST;
use crate::rules::preferences::Way;
use crate::rules::trouble::is_lost_grant;
use crate::rules::{Kind, quiet_until};
use crate::store::deliveries::{self, Delivery};
use crate::store::notifications::Notification;

/// What becomes of a push that is due.
#[derive(Debug)]
pub enum Notice {
    Say(Said),
    /// It is night for its user now.
    Later(Timestamp),
    /// It is not sent; with the reason.
    Nothing(&'static str),
}

/// What is sent.
#[derive(Debug)]
pub struct Said {
    pub message: Vec<u8>,
    /// A browser that is away is kept the latest of each (RFC 8030 §5.4): an attempt that did arrive is not doubled.
    pub topic: String,
    /// Worth waking a device for.
    pub urgent: bool,
}

/// Reads what a delivery is about. `bare`: without any text.
pub async fn notice(
    tx: &TenantTx,
    tenant: &TenantId,
    delivery: &Delivery,
    now: Timestamp,
    bare: bool,
) -> Result<Notice, Error> {
    let Some(id) = delivery.notification else { return Ok(Notice::Nothing("content_gone")) };
    let several = delivery.event_id != id.0;
    let (ids, count) = match several {
        true => deliveries::unread_of_mail(tx, tenant, delivery.id, NAMED).await?,
        false => (vec![id], 1),
    };
    let Wanted { rows, left_out } = match wanted(tx, tenant, Way::Push, &ids).await? {
        Ok(wanted) => wanted,
        Err(why) => return Ok(Notice::Nothing(why)),
    };
    let Some((row, values)) = rows.first() else { return Ok(Notice::Nothing("read_already")) };
    if let Some(until) = quiet_until(values, now).filter(|_| !is_lost_grant(row.kind, &row.data)) {
        return Ok(Notice::Later(until));
    }
    let content = values.include_content && !bare;
    let told = if several { waited(row, count - left_out) } else { one(row, content) };
    let topic = delivery.event_id.simple().to_string();
    let urgent = matches!(row.kind, Kind::NewMessage | Kind::ErrorOccurred);
    Ok(Notice::Say(Said { message: fitting(told), topic, urgent }))
}

fn one(row: &Notification, content: bool) -> Value {
    let (title, body) = if content { (row.title.as_str(), row.message.as_str()) } else { (headline(row.kind), "") };
    json!({
        "notificationId": row.id, "type": row.kind.as_str(), "title": title, "body": body, "accountId": row.account_id,
        "seq": row.feed_seq, "emailId": row.email_id, "messageId": row.message_id,
        "createdAt": row.created_at.timestamp_millis(),
    })
}

fn waited(newest: &Notification, count: i64) -> Value {
    let title = if count == 1 { "1 notification".to_owned() } else { format!("{count} notifications") };
    json!({ "type": "quiet_hours_ended", "title": title, "body": "", "count": count, "notificationId": newest.id,
            "createdAt": newest.created_at.timestamp_millis() })
}

/// What is said of a kind where the content is nobody's business.
fn headline(kind: Kind) -> &'static str {
    match kind {
        Kind::NewMessage => "New message",
        Kind::SyncComplete => "A mailbox is synced",
        Kind::SyncFailed => "A mailbox could not be synced",
        Kind::ErrorOccurred => "An account needs you",
        Kind::MessageSent => "Message sent",
        Kind::AttachmentDownloaded => "Attachment downloaded",
        Kind::QuotaWarning => "Gmail quota",
        Kind::Custom => "New notification",
    }
}

/// The message, its body cut until it fits; a text that JSON writes long is cut more.
fn fitting(mut told: Value) -> Vec<u8> {
    loop {
        let message = told.to_string().into_bytes();
        let Some(over) = message.len().checked_sub(LONGEST).filter(|over| *over > 0) else { return message };
        let Some(Value::String(body)) = told.get_mut("body") else { return message };
        let shorter = truncate(body, body.len().saturating_sub(over.div_ceil(6).max(1))).to_owned();
        if shorter.len() == body.len() {
            // Everything else is bounded far below.
            return message;
        }
        *body = shorter;
    }
}

/// How long the push service keeps it for a browser that is away: what is left of its life.
pub fn time_to_live(delivery: &Delivery, now: Timestamp) -> i64 {
    let left = crate::rules::push::LIFE - (now - delivery.created_at);
    left.clamp(TimeDelta::zero(), crate::rules::push::LIFE).num_seconds()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_text_is_the_message_fits_and_stays_json() {
        for text in ["x".repeat(20_000), "\u{1}".repeat(5_000), "ü\"".repeat(5_000), "short".to_owned()] {
            let message = fitting(json!({ "title": "t".repeat(200), "body": text, "type": "custom" }));
            let read: Value = serde_json::from_slice(&message).unwrap();
            assert!(message.len() <= LONGEST && text.starts_with(read["body"].as_str().unwrap()), "{}", message.len());
            assert!(text.len() < 100 || message.len() > LONGEST - 100, "{} of {}", message.len(), text.len());
        }
    }
}
