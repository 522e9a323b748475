//! `GET /api/v1/gmail/watch/history`: what changed, from our record of it; Gmail is asked for what lies before.

#![expect(unused_qualifications, reason = "in the code utoipa makes of `params`")]

use std::time::Duration;

use actix_web::web::{Data, Json};
use chrono::TimeDelta;
use postrider_domain::{ConnectorId, EmailAddress, HistoryId, TenantId};
use postrider_gmail::{GmailError, HistoryRecord, Lane, TokenError};
use postrider_web::{AccountHeader, ApiQuery, Caller, Cursor, Problem, Scope};
use serde::Deserialize;
use utoipa::IntoParams;

use super::history_view::{History, Record, of_gmail, of_ours};
use crate::error::EngineError;
use crate::http::api::{Api, invalid, problem};
use crate::store::mailboxes::{self, accounts::Account};
use crate::store::{changes, count};

/// How long entries are kept.
const KEPT: TimeDelta = TimeDelta::days(30);
/// Records of a page.
const DEFAULT: u32 = 100;
const MOST: u32 = 500;
/// When to ask again where Gmail cannot be asked now.
const LATER: Duration = Duration::from_secs(5);
/// Empty pages of Gmail's that are followed for one of ours.
const EMPTY_PAGES: usize = 20;

/// Where the answer begins.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct HistoryQuery {
    #[param(value_type = Option<String>)]
    pub user_email: Option<EmailAddress>,
    #[param(value_type = Option<Uuid>)]
    pub connector_id: Option<ConnectorId>,
    /// Records behind this one, decimal text; without it all that our record has.
    #[param(value_type = Option<String>)]
    pub start_history_id: Option<u64>,
    /// Records at most, 1–500; 100 where nothing is said.
    pub max_results: Option<u32>,
    #[param(value_type = Option<String>)]
    pub page_token: Option<Cursor<u64>>,
}

/// What changed since a history id, from our record of 30 days.
#[utoipa::path(get, path = "/api/v1/gmail/watch/history", tag = "watch", params(HistoryQuery),
    responses((status = 200, body = History), (status = 404, body = postrider_web::ProblemDocument),
              (status = 409, body = postrider_web::ProblemDocument), (status = 422, body = postrider_web::ProblemDocument),
              (status = 503, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    query: ApiQuery<HistoryQuery>,
) -> Result<Json<History>, Problem> {
    let query = query.into_inner();
    let most = query.max_results.unwrap_or(DEFAULT);
    if !(1..=MOST).contains(&most) {
        return Err(invalid("max_results", "must be from 1 to 500"));
    }
    let (tx, accounts) = api.open(&caller, Scope::Read).await?;
    let account = accounts.chosen(account.or(query.connector_id)?, query.user_email.as_ref())?.clone();
    let reach = changes::reach(&tx, account.id, api.now() - KEPT).await.map_err(problem)?;
    let (from, to, generation) = reach.map_or((None, None, 0), |reach| (reach.from, reach.to, reach.generation));
    // Ids that no database number holds lie behind every record.
    let given = query.page_token.map(|Cursor(id)| id).or(query.start_history_id);
    let start = given.map(|id| HistoryId(id.min(i64::MAX as u64))).or(from).unwrap_or_default();
    let limit = usize::try_from(most).unwrap_or(usize::MAX);
    let (records, more) = if from.is_some_and(|from| start >= from) {
        let told = changes::list_told(&tx, account.id, generation, start, count(limit) + 1).await.map_err(problem)?;
        tx.commit().await.map_err(problem)?;
        cut(of_ours(told), limit, false)
    } else {
        tx.commit().await.map_err(problem)?;
        let (records, more) = gmail(&api, &caller.tenant, &account, start, limit).await?;
        cut(records.into_iter().map(of_gmail).collect(), limit, more)
    };
    let next = records.last().filter(|_| more).map(|record| Cursor(record.number).encode()).transpose()?;
    let history_id = records.last().map(|record| HistoryId(record.number)).max(to).unwrap_or(start);
    Ok(Json(History { history: records, history_id: history_id.to_string(), next_page_token: next }))
}

/// A page of them, and whether there are more.
fn cut(mut records: Vec<Record>, limit: usize, more: bool) -> (Vec<Record>, bool) {
    let over = records.len() > limit;
    records.truncate(limit);
    (records, over || more)
}

/// What Gmail tells of the records behind `start`.
async fn gmail(
    api: &Api,
    tenant: &TenantId,
    account: &Account,
    start: HistoryId,
    limit: usize,
) -> Result<(Vec<HistoryRecord>, bool), Problem> {
    crate::http::gmail::sync::can_act(account)?;
    let tx = api.db().tenant(tenant).await.map_err(problem)?;
    let mailbox = mailboxes::find(&tx, account.id).await.map_err(problem)?.ok_or_else(Problem::not_found)?;
    tx.commit().await.map_err(problem)?;
    let lanes = api.engine().ask(mailbox).await.map_err(refused)?;
    let client = lanes.lane(Lane::Asked);
    let (mut records, mut token, mut pages) = (Vec::new(), None::<String>, 0);
    let told = loop {
        let page = match client.history(start, token.as_deref()).await {
            Ok(page) => page,
            Err(error) => break Err(refused(error.into())),
        };
        pages += 1;
        records.extend(page.records);
        token = page.next_page_token;
        if token.is_none() || records.len() > limit || (pages >= EMPTY_PAGES && !records.is_empty()) {
            break Ok((records, token.is_some()));
        }
        if pages >= EMPTY_PAGES {
            break Err(Problem::unavailable("gmail_unavailable", LATER, "Gmail answers empty pages without an end."));
        }
    };
    lanes.checkpoint().await;
    told
}

fn refused(error: EngineError) -> Problem {
    match error {
        EngineError::Gmail(GmailError::HistoryGone) => {
            Problem::not_found().with_code("history_expired").with_detail("Gmail's history does not reach back so far.")
        }
        EngineError::Gmail(GmailError::Token(TokenError::ReauthRequired)) => {
            Problem::conflict("reauth_required", "The account must be connected again.")
        }
        EngineError::Db(error) => problem(error),
        other => {
            tracing::warn!(error = %other, "Gmail cannot be asked for a client");
            Problem::unavailable("gmail_unavailable", LATER, "Gmail cannot be asked now.")
        }
    }
}
