//! The first of a filter's own list: mails whose words are worth a look before the index of words is asked.

use postrider_domain::{EmailId, Timestamp};
use postrider_storage::{Error, Statement, TenantTx, Value, sql};

use super::Filter;
use crate::store::search::Hit;

/// The index that gives such a list in its order: the table, and what holds of its rows. One condition alone: rows that are
/// read past because they fail another would have no bound. None where no condition has an index that may hold far fewer
/// mails than the account.
fn index_of(filter: &Filter) -> Option<(&'static str, &'static str)> {
    let indexes = [
        (filter.message_id.is_some(), "emails", "e.message_id = $8"),
        (filter.thread_id.is_some(), "emails", "e.thread_id = $8"),
        (filter.sender_key.is_some(), "emails", "e.sender_key = $8"),
        (!filter.label.is_empty(), "email_labels", "e.label_id = account.label"),
        (filter.unread == Some(true), "emails", "e.unread"),
        (filter.attachment == Some(true), "emails", "e.has_attachments"),
        (filter.processed == Some(false), "emails", "NOT e.processed"),
    ];
    indexes.into_iter().find(|(asked, ..)| *asked).map(|(_, table, holds)| (table, holds))
}

/// Mails of the list behind a place, some at most: those that are shown are among them, and others that are not. Fewer than
/// `most` are all there are. None where the filter has no list of its own.
pub(super) async fn list_candidates(
    tx: &TenantTx,
    filter: &Filter,
    behind: Option<(Timestamp, EmailId)>,
    most: i64,
) -> Result<Option<Vec<Hit>>, Error> {
    let Some((table, holds)) = index_of(filter) else { return Ok(None) };
    let (order, beyond) = if filter.oldest_first { ("ASC", ">") } else { ("DESC", "<") };
    let text = format!(
        "SELECT e.email_id, e.received_at FROM unnest($1, $2) AS account (id, label) CROSS JOIN LATERAL ( \
           SELECT e.email_id, e.received_at FROM {table} e \
           WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') AND e.connector_id = account.id AND {holds} \
             AND ($3::timestamptz IS NULL OR e.received_at >= $3) AND ($4::timestamptz IS NULL OR e.received_at < $4) \
             AND ($5::timestamptz IS NULL OR (e.received_at, e.email_id) {beyond} ($5, $6)) \
           ORDER BY e.received_at {order}, e.email_id {order} LIMIT $7) AS e \
         ORDER BY e.received_at {order}, e.email_id {order} LIMIT $7"
    );
    let (after, after_id) = behind.unzip();
    let message = filter.message_id.as_ref().map(ToString::to_string);
    let thread = filter.thread_id.as_ref().map(ToString::to_string);
    let value = message.or(thread).or_else(|| filter.sender_key.clone());
    let statement = Statement::dynamic(text)
        .binds((&filter.accounts, &filter.label, filter.received_after, filter.received_before, after, after_id))
        .binds((most, value));
    statement.load(tx).await.map(Some)
}

/// How many mails, `most` at most, the filter's accounts have in the time of these, which are in order.
pub(super) async fn count_beside(tx: &TenantTx, filter: &Filter, mails: &[Hit], most: i64) -> Result<i64, Error> {
    let ends = [mails.first(), mails.last()].map(|mail| mail.map(|mail| mail.received_at));
    let (first, last) = (ends.iter().flatten().min(), ends.iter().flatten().max());
    let count =
        sql("SELECT count(*) AS value FROM (SELECT FROM unnest($1::uuid[]) AS account (id) CROSS JOIN LATERAL ( \
           SELECT FROM emails e WHERE e.tenant = nullif(current_setting('postrider.tenant', true), '') \
             AND e.connector_id = account.id AND e.received_at >= $2 AND e.received_at <= $3 LIMIT $4) e \
         LIMIT $4) mails")
        .binds((&filter.accounts, first, last, most))
        .load::<Value<i64>>(tx)
        .await?;
    Ok(count.first().map_or(0, |Value(count)| *count))
}
