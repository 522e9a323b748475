//! From Google's documents, where every member may be missing, to our types.

use std::collections::HashSet;

use chrono::DateTime;
use google_gmail1::api;
use postrider_domain::{EmailAddress, HistoryId, LabelId, MessageId, ThreadId, Timestamp};

use super::snippet::unescape;
use super::{
    GmailError, HistoryPage, HistoryRecord, IdPage, Label, LabelChange, LabelColor, LabelKind, MailMeta, MessageRef,
    Profile, WatchAnswer,
};

/// An answer without what it is asked for. Google was seen to send such under load; the next one is whole.
fn incomplete(what: &'static str) -> GmailError {
    GmailError::transient(format!("the answer had no {what}"))
}

pub(super) fn labels(ids: Vec<String>) -> Vec<LabelId> {
    ids.into_iter().filter_map(|id| LabelId::parse(id).ok()).collect()
}

/// `internalDate`. 0 is Gmail's word for a date it does not know yet, not the first instant of 1970.
pub(super) fn time(millis: Option<i64>) -> Option<Timestamp> {
    millis.filter(|millis| *millis != 0).and_then(DateTime::from_timestamp_millis)
}

pub(super) fn message_id(id: Option<String>) -> Result<MessageId, GmailError> {
    id.and_then(|id| MessageId::parse(id).ok()).ok_or_else(|| incomplete("message id"))
}

pub(super) fn thread_id(id: Option<String>) -> Result<ThreadId, GmailError> {
    id.and_then(|id| ThreadId::parse(id).ok()).ok_or_else(|| incomplete("thread id"))
}

pub(super) fn meta(message: api::Message) -> Result<MailMeta, GmailError> {
    Ok(MailMeta {
        id: message_id(message.id)?,
        thread_id: thread_id(message.thread_id)?,
        labels: labels(message.label_ids.unwrap_or_default()),
        // Without a version the answer must not pass as newer than anything.
        history_id: HistoryId(message.history_id.unwrap_or(0)),
        internal_date: time(message.internal_date),
        snippet: unescape(&message.snippet.unwrap_or_default()),
        size: message.size_estimate.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
    })
}

pub(super) fn profile(profile: api::Profile) -> Result<Profile, GmailError> {
    let count = |number: Option<i32>| number.and_then(|number| u64::try_from(number).ok()).unwrap_or(0);
    let address = profile.email_address.unwrap_or_default();
    Ok(Profile {
        email: EmailAddress::parse(&address).map_err(|_malformed| incomplete("address"))?,
        messages_total: count(profile.messages_total),
        threads_total: count(profile.threads_total),
        history_id: HistoryId(profile.history_id.ok_or_else(|| incomplete("history id"))?),
    })
}

/// A listing with an entry left out would be an incomplete listing, and only a complete one may delete: one bad entry
/// refuses the page.
pub(super) fn id_page(answer: api::ListMessagesResponse) -> Result<IdPage, GmailError> {
    let entry = |message: api::Message| Ok((message_id(message.id)?, thread_id(message.thread_id)?));
    Ok(IdPage {
        ids: answer.messages.unwrap_or_default().into_iter().map(entry).collect::<Result<_, GmailError>>()?,
        next_page_token: answer.next_page_token.filter(|token| !token.is_empty()),
        result_size_estimate: u64::from(answer.result_size_estimate.unwrap_or(0)),
    })
}

pub(super) fn history_page(answer: api::ListHistoryResponse) -> Result<HistoryPage, GmailError> {
    Ok(HistoryPage {
        records: answer.history.unwrap_or_default().into_iter().map(record).collect::<Result<_, GmailError>>()?,
        history_id: HistoryId(answer.history_id.ok_or_else(|| incomplete("history id"))?),
        next_page_token: answer.next_page_token.filter(|token| !token.is_empty()),
    })
}

fn record(history: api::History) -> Result<HistoryRecord, GmailError> {
    let id = HistoryId(history.id.ok_or_else(|| incomplete("record id"))?);
    let mut record = HistoryRecord { id, ..HistoryRecord::default() };
    let mut unreadable = 0;
    let mut keep = |message: Option<api::Message>| {
        let mail = message.and_then(mail_ref);
        unreadable += u32::from(mail.is_none());
        mail
    };
    record.added = history.messages_added.into_iter().flatten().filter_map(|entry| keep(entry.message)).collect();
    record.deleted = history.messages_deleted.into_iter().flatten().filter_map(|entry| keep(entry.message)).collect();
    let added = history.labels_added.into_iter().flatten();
    record.labels_added = added.filter_map(|entry| Some(change(keep(entry.message)?, entry.label_ids))).collect();
    let removed = history.labels_removed.into_iter().flatten();
    record.labels_removed = removed.filter_map(|entry| Some(change(keep(entry.message)?, entry.label_ids))).collect();
    let typed = [&record.labels_added, &record.labels_removed].into_iter().flatten().map(|change| &change.message_id);
    let typed = typed.chain(record.added.iter().chain(&record.deleted).map(|mail| &mail.message_id));
    let typed: HashSet<MessageId> = typed.cloned().collect();
    let named = history.messages.into_iter().flatten().filter_map(mail_ref);
    record.named = named.filter(|mail| !typed.contains(&mail.message_id)).collect();
    record.unreadable = unreadable;
    Ok(record)
}

fn mail_ref(message: api::Message) -> Option<MessageRef> {
    Some(MessageRef {
        message_id: MessageId::parse(message.id?).ok()?,
        thread_id: message.thread_id.and_then(|id| ThreadId::parse(id).ok()),
        labels: message.label_ids.map(labels),
    })
}

fn change(mail: MessageRef, ids: Option<Vec<String>>) -> LabelChange {
    LabelChange {
        message_id: mail.message_id,
        thread_id: mail.thread_id,
        labels: labels(ids.unwrap_or_default()),
        all_labels: mail.labels,
    }
}

pub(super) fn label_list(answer: api::ListLabelsResponse) -> Vec<Label> {
    let label = |label: api::Label| {
        let id = LabelId::parse(label.id?).ok()?;
        let name = label.name.unwrap_or_else(|| id.as_str().to_owned());
        let kind = if label.type_.as_deref() == Some("system") { LabelKind::System } else { LabelKind::User };
        let color = label.color.and_then(|color| color_of(color.text_color?, color.background_color?));
        Some(Label { id, name: postrider_domain::text::without_nul(name), kind, color })
    };
    answer.labels.unwrap_or_default().into_iter().filter_map(label).collect()
}

/// Only what is a colour: pages put it into styles.
fn color_of(text: String, background: String) -> Option<LabelColor> {
    let is_color = |color: &str| {
        color.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    (is_color(&text) && is_color(&background)).then_some(LabelColor { text, background })
}

pub(super) fn watch(answer: api::WatchResponse) -> Result<WatchAnswer, GmailError> {
    let expires = answer.expiration.and_then(DateTime::from_timestamp_millis);
    Ok(WatchAnswer {
        history_id: HistoryId(answer.history_id.ok_or_else(|| incomplete("history id"))?),
        expires_at: expires.ok_or_else(|| incomplete("expiration"))?,
    })
}
