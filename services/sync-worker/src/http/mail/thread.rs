//! `GET /api/v1/threads/{thread_id}`

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use std::collections::BTreeSet;

use actix_web::web::{Data, Json};
use postrider_domain::{ConnectorId, EmailId, LabelId, ThreadId};
use postrider_web::{AccountHeader, ApiQuery, Caller, Cursor, Limit, Page, PathId, Problem, RowTime, Scope};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::Mail;
use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::store::emails::{self, Filter};
use crate::store::labels;

/// Which mails of the thread.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct ThreadQuery {
    /// Thread ids are unique in one mailbox only.
    #[param(value_type = Option<Uuid>)]
    pub connector_id: Option<ConnectorId>,
    pub include_deleted: bool,
    #[param(inline)]
    pub limit: Limit,
    #[param(value_type = Option<String>)]
    pub cursor: Option<Cursor<(RowTime, EmailId)>>,
}

/// A page of a thread, oldest mail first.
#[derive(Debug, Serialize, ToSchema)]
pub struct Thread {
    pub thread_id: String,
    pub data: Vec<Mail>,
    pub next_cursor: Option<String>,
}

/// The mails of a thread in the order they came, drafts, spam and trash among them: each says what it is.
#[utoipa::path(get, path = "/api/v1/threads/{thread_id}", tag = "mail",
    params(ThreadQuery, ("thread_id" = String, Path, description = "Gmail's id of the thread")),
    responses((status = 200, body = Thread), (status = 404, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<ThreadId>,
    query: ApiQuery<ThreadQuery>,
) -> Result<Json<Thread>, Problem> {
    let (thread_id, query) = (id.into_inner(), query.into_inner());
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let covered = ids(&accounts.covered(account.or(query.connector_id)?, None)?);
    let begins = query.cursor.is_none();
    let filter = Filter {
        accounts: covered.clone(),
        spam_trash: covered.clone(),
        drafts: true,
        thread_id: Some(thread_id.clone()),
        include_deleted: query.include_deleted,
        oldest_first: true,
        after: query.cursor.map(|Cursor((time, id))| (time.0, id)),
        limit: query.limit.and_one(),
        ..Filter::default()
    };
    let rows = if covered.is_empty() { Vec::new() } else { emails::list(&tx, filter).await.map_err(problem)? };
    if rows.is_empty() && begins {
        return Err(Problem::not_found());
    }
    let page = Page::cut(rows, query.limit, |row| (row.received_at, row.email_id))?;
    let carried: BTreeSet<&LabelId> = page.data.iter().flat_map(|row| &row.label_ids).collect();
    let names = labels::names_of(&tx, &covered, &carried.into_iter().collect::<Vec<_>>()).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let Page { data, next_cursor } = page.map(|row| Mail::new(row, &names));
    Ok(Json(Thread { thread_id: thread_id.into_string(), data, next_cursor }))
}
