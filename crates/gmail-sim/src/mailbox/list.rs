//! `messages.list`: ids only, newest first.

use std::cmp::Reverse;
use std::ops::Bound;

use postrider_domain::Timestamp;

use super::{Mailbox, Meta, OrderKey, View};
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
    /// Only what came after this second since 1970.
    pub after: Option<i64>,
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
    pub fn list(&mut self, query: &ListQuery, now: Timestamp) -> Result<MessagePage, ApiError> {
        let limit = query.max_results.unwrap_or(100).clamp(1, 500);
        let wanted = query
            .label_ids
            .iter()
            .map(|id| self.labels.find(id).ok_or_else(|| ApiError::invalid(format!("Invalid label: {id}"))))
            .collect::<Result<Vec<LabelIx>, _>>()?;
        let hidden = |label| !query.include_spam_trash && !wanted.contains(&label);
        let shown = |meta: &Meta| {
            wanted.iter().all(|label| meta.labels.has(*label))
                && query.after.is_none_or(|after| meta.internal_date.div_euclid(1_000) > after)
                && !(hidden(SPAM) && meta.labels.has(SPAM))
                && !(hidden(TRASH) && meta.labels.has(TRASH))
        };
        let view = self.look(now);
        let (after, skip) = match &query.page_token {
            None => (Bound::Unbounded, self.odd.chance(self.quirks.moving_pages).then_some(0)),
            Some(token) => self.page_start(token)?,
        };
        let passed = skip.unwrap_or(0);
        let mut found = self.matching(after, passed + limit + 1, shown, view);
        found.drain(..passed.min(found.len()));
        let more = found.len() > limit;
        found.truncate(limit);
        let next_page_token = match (found.last(), skip) {
            (Some(_), Some(passed)) if more => Some(self.page_token('o', 0, (passed + limit) as u64)),
            (Some(((Reverse(date), Reverse(id)), _)), None) if more => Some(self.page_token('m', *date, id.0)),
            _ => None,
        };
        let mut result_size_estimate = if more { 201 } else { u32::try_from(found.len()).unwrap_or(201) };
        if self.odd.chance(self.quirks.wrong_estimate) {
            result_size_estimate = self.odd.pick(&[0, 1, 201, 5_000]);
        }
        let messages = found.into_iter().map(|((_, Reverse(id)), thread)| (id, thread)).collect();
        Ok(MessagePage { messages, next_page_token, result_size_estimate })
    }

    /// Where a page starts: after a mail, or behind a number of mails.
    fn page_start(&self, token: &str) -> Result<(Bound<OrderKey>, Option<usize>), ApiError> {
        if let Ok((_, passed)) = self.position('o', token) {
            return Ok((Bound::Unbounded, Some(usize::try_from(passed).unwrap_or(usize::MAX / 2))));
        }
        let (date, id) = self.position('m', token)?;
        Ok((Bound::Excluded((Reverse(date), Reverse(MsgId(id)))), None))
    }

    fn matching(
        &self,
        after: Bound<OrderKey>,
        limit: usize,
        shown: impl Fn(&Meta) -> bool,
        view: View,
    ) -> Vec<(OrderKey, MsgId)> {
        let range = (after, Bound::Unbounded);
        let overlay = self.overlay(view);
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
