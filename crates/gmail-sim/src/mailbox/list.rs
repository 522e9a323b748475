//! `messages.list`: ids only, newest first.

use std::cmp::Reverse;
use std::ops::Bound;

use postrider_domain::Timestamp;

use super::{Mailbox, Meta, OrderKey};
use crate::error::ApiError;
use crate::ids::MsgId;
use crate::labels::{LabelIx, SPAM, TRASH};

/// Parameters of `messages.list`.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// Default 100, at most 500.
    pub max_results: Option<usize>,
    /// From the page before.
    pub page_token: Option<String>,
    /// All of them must be on the message.
    pub label_ids: Vec<String>,
    /// Without it, spam and trash are left out unless asked for by label.
    pub include_spam_trash: bool,
}

/// A page of `messages.list`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MessagePage {
    /// (message id, thread id), newest first.
    pub messages: Vec<(MsgId, MsgId)>,
    /// Absent on the last page.
    pub next_page_token: Option<String>,
    /// Gmail's rough guess; never a count to rely on.
    pub result_size_estimate: u32,
}

impl Mailbox {
    /// Lists messages. 400 for an unknown label or a bad page token.
    pub fn list(&self, query: &ListQuery, now: Timestamp) -> Result<MessagePage, ApiError> {
        let limit = query.max_results.unwrap_or(100).clamp(1, 500);
        let wanted = query
            .label_ids
            .iter()
            .map(|id| self.labels.find(id).ok_or_else(|| ApiError::invalid(format!("Invalid label: {id}"))))
            .collect::<Result<Vec<LabelIx>, _>>()?;
        let hidden = |label| !query.include_spam_trash && !wanted.contains(&label);
        let shown = |meta: &Meta| {
            wanted.iter().all(|label| meta.labels.has(*label))
                && !(hidden(SPAM) && meta.labels.has(SPAM))
                && !(hidden(TRASH) && meta.labels.has(TRASH))
        };
        let after = match &query.page_token {
            None => Bound::Unbounded,
            Some(token) => {
                let (date, id) = self.position('m', token)?;
                Bound::Excluded((Reverse(date), Reverse(MsgId(id))))
            }
        };
        let mut found = self.matching(after, limit + 1, shown, now);
        let more = found.len() > limit;
        found.truncate(limit);
        let next_page_token = match found.last() {
            Some(((Reverse(date), Reverse(id)), _)) if more => Some(self.page_token('m', *date, id.0)),
            _ => None,
        };
        let result_size_estimate = if more { 201 } else { u32::try_from(found.len()).unwrap_or(201) };
        let messages = found.into_iter().map(|((_, Reverse(id)), thread)| (id, thread)).collect();
        Ok(MessagePage { messages, next_page_token, result_size_estimate })
    }

    fn matching(
        &self,
        after: Bound<OrderKey>,
        limit: usize,
        shown: impl Fn(&Meta) -> bool,
        now: Timestamp,
    ) -> Vec<(OrderKey, MsgId)> {
        let range = (after, Bound::Unbounded);
        let overlay = self.overlay(now);
        let current = self
            .order
            .range(range)
            .filter(|(_, Reverse(id))| !overlay.contains_key(id))
            .filter_map(|key| Some((*key, self.messages.get(&key.1.0)?)))
            .filter(|(_, meta)| shown(meta))
            .map(|(key, meta)| (key, meta.thread))
            .take(limit);
        let mut found: Vec<_> = current.collect();
        let older = overlay.iter().filter_map(|(id, meta)| Some((*id, meta.as_ref()?)));
        let older = older.filter(|(_, meta)| shown(meta)).map(|(id, meta)| (Self::order_key(id, meta), meta.thread));
        found.extend(older.filter(|(key, _)| std::ops::RangeBounds::contains(&range, key)));
        found.sort_unstable();
        found.truncate(limit);
        found
    }
}
