//! `GET /api/v1/emails`

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use domain::{ConnectorId, LabelId, MessageId, ThreadId, Timestamp};
use serde::{Deserialize, Serialize};
use storage::page;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;
use web::{ApiQuery, Caller, Limit, Problem};

use super::view::Mail;
use crate::http::api::{Api, covered, problem};
use crate::store::accounts;
use crate::store::mail_reads::{self, Filter};

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

/// Which mails to list. Without `label`, spam, trash and drafts are left out.
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
    pub include_spam_trash: bool,
    /// The sender's address, case-blind.
    pub from: Option<String>,
    /// A part of the subject, case-blind.
    pub subject: Option<String>,
    #[param(value_type = Option<String>, format = DateTime)]
    pub received_after: Option<Timestamp>,
    #[param(value_type = Option<String>, format = DateTime)]
    pub received_before: Option<Timestamp>,
    #[param(inline)]
    pub sort: Sort,
    #[param(inline)]
    pub limit: Limit,
    pub cursor: Option<String>,
}

/// A page of mails and where each account's event stream stood when it was read.
#[derive(Debug, Serialize, ToSchema)]
pub struct Mails {
    pub data: Vec<Mail>,
    pub next_cursor: Option<String>,
    /// Account id → sequence number: events after it are not in this page.
    #[schema(value_type = Object)]
    pub as_of_seq: BTreeMap<String, i64>,
}

/// Longest text a filter may hold, in bytes.
const MAX_FILTER: usize = 320;

#[utoipa::path(get, path = "/api/v1/emails", tag = "mail", params(Query),
    responses((status = 200, body = Mails), (status = 422, body = web::ProblemDocument)))]
pub async fn handle(api: Data<Api>, caller: Caller, query: ApiQuery<Query>) -> Result<Json<Mails>, Problem> {
    let query = query.into_inner();
    for (name, text) in [("from", &query.from), ("subject", &query.subject)] {
        if text.as_ref().is_some_and(|text| text.len() > MAX_FILTER || text.contains('\0')) {
            return Err(invalid(name, "must be at most 320 bytes without NUL"));
        }
    }
    let after = match &query.cursor {
        Some(cursor) => Some(page::decode::<(Timestamp, Uuid)>(cursor).map_err(|e| invalid("cursor", &e.to_string()))?),
        None => None,
    };
    let (mut tx, accounts) = api.open(&caller).await?;
    let covered = covered(&accounts, query.connector_id)?;
    let ids: Vec<ConnectorId> = covered.iter().copied().map(ConnectorId).collect();
    let as_of_seq = accounts::as_of_seq(&mut tx, &ids).await.map_err(problem)?;
    let limit = i64::from(query.limit.get());
    let filter = Filter {
        accounts: covered,
        only_ordinary: query.label.is_none() && !query.include_spam_trash,
        label: query.label.map(LabelId::into_string),
        thread_id: query.thread_id.map(ThreadId::into_string),
        message_id: query.message_id.map(MessageId::into_string),
        unread: query.unread,
        processed: query.processed,
        include_deleted: query.include_deleted,
        from: query.from,
        subject: query.subject,
        received_after: query.received_after,
        received_before: query.received_before,
        oldest_first: query.sort == Sort::OldestFirst,
        after,
        limit: limit + 1,
    };
    let mut rows =
        if ids.is_empty() { Vec::new() } else { mail_reads::list(&mut tx, filter).await.map_err(problem)? };
    tx.commit().await.map_err(problem)?;
    let more = rows.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    rows.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next_cursor = match rows.last() {
        Some(last) if more => Some(page::encode(&(last.received_at, last.email_id)).map_err(Problem::unexpected)?),
        _ => None,
    };
    Ok(Json(Mails {
        data: rows.into_iter().map(Mail::from).collect(),
        next_cursor,
        as_of_seq: as_of_seq.into_iter().map(|(id, seq)| (id.to_string(), seq)).collect(),
    }))
}

fn invalid(field: &'static str, why: &str) -> Problem {
    Problem::unprocessable(web::codes::INVALID_REQUEST, "A parameter is out of range.").field(field, why)
}
