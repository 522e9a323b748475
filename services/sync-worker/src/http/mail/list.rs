//! `GET /api/v1/emails`

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use std::collections::{BTreeMap, BTreeSet};

use actix_web::web::{Data, Json};
use postrider_domain::{ConnectorId, EmailId, LabelId, MessageId, ThreadId};
use postrider_web::{AccountHeader, ApiQuery, Caller, Cursor, Limit, Page, Problem, RowTime, Scope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::search::Asked;
use super::view::Mail;
use crate::content::address_key;
use crate::http::accounts::ids;
use crate::http::api::{Api, invalid, problem};
use crate::store::emails::Filter;
use crate::store::labels;
use crate::store::mailboxes::accounts::{self, Account};

/// Order of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
pub enum Sort {
    /// Newest first.
    #[default]
    #[serde(rename = "-received_at")]
    NewestFirst,
    /// Oldest first.
    #[serde(rename = "received_at")]
    OldestFirst,
}

/// Which mails to list. Without `label`, drafts are left out, and spam and trash where `include_spam_trash` is false.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct Query {
    #[param(value_type = Option<Uuid>)]
    pub connector_id: Option<ConnectorId>,
    #[param(value_type = Option<String>)]
    pub label: Option<LabelId>,
    #[param(value_type = Option<String>)]
    pub thread_id: Option<ThreadId>,
    /// Gmail's id.
    #[param(value_type = Option<String>)]
    pub message_id: Option<MessageId>,
    pub unread: Option<bool>,
    pub processed: Option<bool>,
    pub include_deleted: bool,
    /// By default as each account's own setting of that name says, which is false until it is changed.
    pub include_spam_trash: Option<bool>,
    /// Words, and Gmail's operators: `from:` `to:` `subject:` `label:` `has:attachment` `is:unread` `before:` `after:`,
    /// `"a phrase"`, `-word`. A word finds those that begin with it.
    pub q: Option<String>,
    /// The sender's address, case-blind.
    pub from: Option<String>,
    /// Words of the subject, all of them.
    pub subject: Option<String>,
    #[param(value_type = Option<String>, format = DateTime)]
    pub received_after: Option<RowTime>,
    #[param(value_type = Option<String>, format = DateTime)]
    pub received_before: Option<RowTime>,
    #[param(inline)]
    pub sort: Sort,
    #[param(inline)]
    pub limit: Limit,
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor<(RowTime, EmailId)>>,
}

/// A page of mails and where each account's event stream stood when it was read.
#[derive(Debug, Serialize, ToSchema)]
pub struct Mails {
    pub data: Vec<Mail>,
    pub next_cursor: Option<String>,
    /// Account id → sequence number: what the events up to it say is in this page, and nothing of those after it.
    #[schema(value_type = Object)]
    pub as_of_seq: BTreeMap<String, i64>,
}

/// Longest text a filter may hold, in bytes.
const MAX_FILTER: usize = 320;

/// Mails by filters, newest first, with the place of the feed they were read at.
#[utoipa::path(get, path = "/api/v1/emails", tag = "mail", params(Query),
    responses((status = 200, body = Mails), (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<Query>,
) -> Result<Json<Mails>, Problem> {
    let query = query.into_inner();
    for (name, text) in [("from", &query.from), ("subject", &query.subject)] {
        if text.as_ref().is_some_and(|text| text.len() > MAX_FILTER || text.contains('\0')) {
            return Err(invalid(name, "must be at most 320 bytes without NUL"));
        }
    }
    let asked = Asked::parse(query.q.as_deref(), query.subject.as_deref())?;
    // Places and mails of one moment: who follows from them has each mail once.
    let (tx, accounts) = api.open_snapshot(&caller, Scope::Read).await?;
    let covered = accounts.covered(account.or(query.connector_id)?, None)?;
    let connectors = ids(&covered);
    let as_of_seq = accounts::as_of_seq(&tx, &connectors).await.map_err(problem)?;
    let spam_trash = |account: &&&Account| query.include_spam_trash.unwrap_or(account.include_spam_trash);
    let filter = Filter {
        accounts: connectors.clone(),
        spam_trash: covered.iter().filter(spam_trash).map(|account| account.id).collect(),
        thread_id: query.thread_id,
        message_id: query.message_id,
        unread: query.unread,
        processed: query.processed,
        include_deleted: query.include_deleted,
        sender_key: query.from.as_deref().map(address_key),
        received_after: query.received_after.map(|time| time.0),
        received_before: query.received_before.map(|time| time.0),
        oldest_first: query.sort == Sort::OldestFirst,
        after: query.cursor.map(|Cursor((time, id))| (time.0, id)),
        limit: query.limit.and_one(),
        ..Filter::default()
    };
    let rows = asked.run(&tx, filter, query.label).await.map_err(problem)?;
    let page = Page::cut(rows, query.limit, |row| (row.received_at, row.email_id))?;
    let carried: BTreeSet<&LabelId> = page.data.iter().flat_map(|row| &row.label_ids).collect();
    let names = labels::names_of(&tx, &connectors, &carried.into_iter().collect::<Vec<_>>()).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let Page { data, next_cursor } = page.map(|row| Mail::new(row, &names));
    Ok(Json(Mails {
        data,
        next_cursor,
        as_of_seq: as_of_seq.into_iter().map(|(id, seq)| (id.to_string(), seq)).collect(),
    }))
}
