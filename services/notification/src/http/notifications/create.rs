//! `POST /api/notifications`: a notification of the caller's own making.

use actix_web::HttpResponse;
use actix_web::web::Data as AppData;
use postrider_domain::text::truncate;
use postrider_domain::{ConnectorId, EmailAddress};
use postrider_web::{ApiJson, Caller, Problem, Scope, WriteId, codes};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::view::{Data, NotificationView, shown};
use crate::actions::Owner;
use crate::error::Error;
use crate::http::account::must_own;
use crate::rules::custom::{Custom, custom};
use crate::state::State;
use crate::store::{notifications, preferences};

const MAX_TITLE: usize = 200;
const MAX_MESSAGE: usize = 5_000;
const MAX_NAME: usize = 200;
/// Largest `data`, in bytes of JSON.
const MAX_DATA: usize = 16 * 1024;

/// What is to be said.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(as = NewNotification)]
pub struct Body {
    title: String,
    message: String,
    #[serde(default)]
    sender_email: Option<String>,
    #[serde(default)]
    sender_name: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    account_id: Option<Uuid>,
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
}

/// Makes a notification of the caller's own.
#[utoipa::path(
    post, path = "/api/notifications", tag = "notifications", request_body = Body,
    responses((status = 201, body = Data<NotificationView>), (status = 404), (status = 422))
)]
pub async fn handle(
    caller: Caller,
    write: WriteId,
    body: ApiJson<Body>,
    state: AppData<State>,
) -> Result<HttpResponse, Error> {
    caller.require(Scope::Write)?;
    let body = body.into_inner();
    let account = body.account_id.map(ConnectorId);
    let given = check(body)?;
    let mut tx = state.db.tenant(&caller.tenant).await?;
    must_own(&tx, &caller, account).await?;
    let effective = preferences::effective(&tx, &caller.tenant, &caller.user, account).await?.preferences;
    let (key, now) = (write.or(|| state.seams.ids.uuid()).to_string(), state.seams.clock.now());
    let draft = custom(given, key.clone(), &effective, now);
    let owner = Owner { tenant: &caller.tenant, user: &caller.user, trace: Some(caller.trace) };
    let raised = state.actions.raise(&mut tx, owner, account, draft).await?;
    let row = match raised {
        Some(raised) => notifications::find(&tx, &caller.tenant, &caller.user, raised.id).await?,
        // The write was carried out before, and nobody heard of it.
        None => notifications::custom_by_key(&tx, &caller.tenant, &caller.user, &key).await?,
    };
    let rows = shown(&tx, &caller.tenant, row.into_iter().collect()).await?;
    tx.commit().await?;
    let made = rows.into_iter().next();
    let made = made.ok_or_else(|| Problem::unexpected("a notification was neither made nor there"))?;
    Ok(HttpResponse::Created().json(Data { data: made }))
}

fn check(body: Body) -> Result<Custom, Problem> {
    let sender_email = match body.sender_email {
        None => None,
        Some(text) => Some(EmailAddress::parse(&text).map_err(|error| wrong("senderEmail", &error.to_string()))?),
    };
    let data = Value::Object(body.data.unwrap_or_default());
    if data.to_string().len() > MAX_DATA {
        return Err(wrong("data", "is larger than 16 KiB"));
    }
    if !data_fits(&data) {
        return Err(wrong("data", "has a number beyond 1e300"));
    }
    Ok(Custom {
        title: text("title", body.title, MAX_TITLE)?,
        message: text("message", body.message, MAX_MESSAGE)?,
        sender_email: sender_email.map(|address| address.to_string()),
        sender_name: body.sender_name.map(|name| text("senderName", name, MAX_NAME)).transpose()?,
        data,
    })
}

/// Postgres writes numbers out in full, and what it makes of the largest ones cannot be read back.
pub(in crate::http) fn data_fits(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|number| number.abs() <= 1e300),
        Value::Array(items) => items.iter().all(data_fits),
        Value::Object(members) => members.values().all(data_fits),
        Value::Null | Value::Bool(_) | Value::String(_) => true,
    }
}

/// Not blank, not too long, no NUL (Postgres keeps none).
fn text(field: &str, text: String, max: usize) -> Result<String, Problem> {
    if text.trim().is_empty() {
        Err(wrong(field, "is empty"))
    } else if truncate(&text, max).len() < text.len() {
        Err(wrong(field, &format!("is longer than {max} bytes")))
    } else if text.contains('\0') {
        Err(wrong(field, "has a NUL character"))
    } else {
        Ok(text)
    }
}

fn wrong(field: &str, why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "A member of the body is wrong.").field(field, why)
}
