//! Reading a page of all of a user's accounts, each in the order of its numbers.

use std::collections::{BTreeMap, VecDeque};

use postrider_contracts::topology::NOTIFICATION_MAILBOX;
use postrider_domain::{ConnectorId, TenantId, Timestamp, UserId};
use postrider_storage::{Error, TenantTx};

use super::FeedCursor;
use super::holes::told;
use crate::store::feed::{self, Entry, Span};

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Question {
    pub tenant: TenantId,
    pub user: UserId,
    pub account: Option<ConnectorId>,
    /// None: all.
    pub types: Vec<String>,
    pub limit: usize,
}

/// Accounts of which the reader has not all that is gone already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expired(pub Vec<ConnectorId>);

/// Why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the feed is kept no longer from there on")]
    Expired(Expired),
    #[error(transparent)]
    Db(#[from] Error),
}

/// Where a reader is who has everything.
pub async fn places_at_the_heads(tx: &TenantTx, question: &Question) -> Result<FeedCursor, Error> {
    let mut cursor = FeedCursor::default();
    for head in heads(tx, question).await? {
        cursor.put(head.account_id, head.head);
    }
    Ok(cursor)
}

async fn heads(tx: &TenantTx, question: &Question) -> Result<Vec<feed::Head>, Error> {
    let Question { tenant, user, account, .. } = question;
    feed::heads(tx, tenant, user, *account, NOTIFICATION_MAILBOX.name).await
}

/// The next entries, and the place behind each. Every account whose end was reached stands in the place that comes out,
/// however few entries the types let through.
pub async fn read(
    tx: &TenantTx,
    question: &Question,
    from: &FeedCursor,
    now: Timestamp,
) -> Result<(Vec<(Entry, FeedCursor)>, FeedCursor), ReadError> {
    let heads = heads(tx, question).await?;
    let lost = |head: &&feed::Head| {
        // Nothing is kept of it, or only what comes later.
        let is_lost = |after| head.head > after && head.oldest.is_none_or(|oldest| oldest > after + 1);
        from.known(head.account_id).is_some_and(is_lost)
    };
    let expired: Vec<ConnectorId> = heads.iter().filter(lost).map(|head| head.account_id).collect();
    if !expired.is_empty() {
        return Err(ReadError::Expired(Expired(expired)));
    }
    // Who has all there is of an account has a place in it, also in one where nothing has happened yet.
    let (behind, done): (Vec<&feed::Head>, Vec<&feed::Head>) =
        heads.iter().partition(|head| from.of(head.account_id) < head.head);
    let mut from = from.clone();
    for head in &done {
        from.put(head.account_id, from.of(head.account_id));
    }
    let span =
        |head: &&feed::Head| Span { account: head.account_id, after: from.known(head.account_id), until: head.head };
    let spans: Vec<Span> = behind.iter().map(span).collect();
    let most = i64::try_from(question.limit).unwrap_or(i64::MAX);
    let found = feed::entries(tx, &question.tenant, &spans, &question.types, most).await?;
    // Among chosen types nobody can tell what is missing.
    let found = if question.types.is_empty() { told(&spans, found, question.limit, now) } else { found };
    Ok(page(&from, &spans, found, question.limit))
}

/// Puts accounts together by time, without changing the order within any, and cuts at the limit.
fn page(from: &FeedCursor, spans: &[Span], found: Vec<Entry>, limit: usize) -> (Vec<(Entry, FeedCursor)>, FeedCursor) {
    let mut accounts: BTreeMap<ConnectorId, VecDeque<Entry>> = BTreeMap::new();
    for entry in found {
        accounts.entry(entry.account_id).or_default().push_back(entry);
    }
    let full: Vec<ConnectorId> =
        accounts.iter().filter(|(_, entries)| entries.len() >= limit).map(|(account, _)| *account).collect();
    let (mut cursor, mut shown) = (from.clone(), Vec::new());
    while shown.len() < limit {
        let first = accounts.iter().filter_map(|(account, entries)| Some((entries.front()?.time, *account))).min();
        let Some((_, account)) = first else { break };
        let Some(entry) = accounts.get_mut(&account).and_then(VecDeque::pop_front) else { break };
        cursor.put(account, entry.seq);
        shown.push((entry, cursor.clone()));
    }
    for span in spans {
        let done = accounts.get(&span.account).is_none_or(VecDeque::is_empty) && !full.contains(&span.account);
        if done {
            // What the types left out is passed too.
            cursor.put(span.account, span.until);
        }
    }
    (shown, cursor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;

    fn account(n: u128) -> ConnectorId {
        ConnectorId(Uuid::from_u128(n))
    }

    fn entry(n: u128, seq: i64, second: i64) -> Entry {
        Entry {
            account_id: account(n),
            seq,
            event_id: Uuid::nil(),
            kind: "email.received".to_owned(),
            time: Timestamp::from_timestamp(second, 0).unwrap(),
            data: json!({}),
        }
    }

    fn span(n: u128, until: i64) -> Span {
        Span { account: account(n), after: None, until }
    }

    fn seqs(shown: &[(Entry, FeedCursor)]) -> Vec<(u128, i64)> {
        shown.iter().map(|(entry, _)| (entry.account_id.0.as_u128(), entry.seq)).collect()
    }

    #[test]
    fn accounts_are_put_together_and_each_keeps_its_order() {
        // The second of the first account is said to be earlier than its first.
        let found = vec![entry(1, 1, 30), entry(1, 2, 10), entry(2, 1, 20)];
        let (shown, end) = page(&FeedCursor::default(), &[span(1, 9), span(2, 1)], found, 10);
        assert_eq!(seqs(&shown), [(2, 1), (1, 1), (1, 2)]);
        assert_eq!((end.of(account(1)), end.of(account(2))), (9, 1));
        assert_eq!((shown[1].1.of(account(1)), shown[1].1.of(account(2))), (1, 1));
    }

    #[test]
    fn a_full_page_passes_nothing_that_it_does_not_show() {
        let found = vec![entry(1, 1, 1), entry(1, 5, 5), entry(2, 1, 2), entry(2, 2, 3)];
        let (shown, end) = page(&FeedCursor::default(), &[span(1, 9), span(2, 9)], found, 2);
        assert_eq!(seqs(&shown), [(1, 1), (2, 1)]);
        assert_eq!((end.of(account(1)), end.of(account(2))), (1, 1));
    }
}
