//! `GET`/`POST /api/notifications/unsubscribe/{token}`: open (RFC 8058). GET shows and changes nothing, so that whatever looks
//! into mails may follow the link; POST acts, whatever its body is, without a login, a cookie or a redirect, and may come
//! as often as it likes. What it writes are the preferences themselves.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data as AppData, Path};
use postrider_storage::TenantTx;
use postrider_web::Problem;
use serde_json::json;

use super::page::{PageHtml, html};
use crate::digests::reschedule;
use crate::error::Error;
use crate::rules::mail_token::{Deed, List, MailToken};
use crate::rules::preferences::Way;
use crate::state::State;
use crate::store::preferences::{self, Change};
use crate::store::{quiet_ends, triggers, users};

/// Shows what the link of a mail ends.
#[utoipa::path(
    get, path = "/api/notifications/unsubscribe/{token}", tag = "digests", security(()),
    params(("token" = String, Path, description = "Of a mail of ours")),
    responses(
        (status = 200, description = "A page with a button"),
        (status = 404, body = postrider_web::ProblemDocument, description = "`link_invalid`: not one of ours"),
    )
)]
pub async fn show(token: Path<String>, state: AppData<State>) -> Result<HttpResponse, Error> {
    let (_, list) = read(&token, &state)?;
    let text = format!("{} will not be sent any more.", name(list));
    let page = PageHtml { title: "No more of these mails?", text: &text, button: Some("Unsubscribe") };
    Ok(html(StatusCode::OK, &page))
}

/// Ends the mails that the link is in: one click, no login.
#[utoipa::path(
    post, path = "/api/notifications/unsubscribe/{token}", tag = "digests", security(()),
    params(("token" = String, Path, description = "Of a mail of ours")),
    request_body(content = Option<String>, content_type = "application/x-www-form-urlencoded", description = "`List-Unsubscribe=One-Click`; not looked at"),
    responses(
        (status = 200, description = "Done, or done before"),
        (status = 404, body = postrider_web::ProblemDocument, description = "`link_invalid`: not one of ours"),
    )
)]
pub async fn act(token: Path<String>, state: AppData<State>) -> Result<HttpResponse, Error> {
    let (token, list) = read(&token, &state)?;
    let tx = state.db.tenant(&token.tenant).await?;
    end(&tx, &state, &token, list).await?;
    tx.commit().await?;
    let text = format!("{} will not be sent any more. You can have them again in your settings.", name(list));
    Ok(html(StatusCode::OK, &PageHtml { title: "Unsubscribed", text: &text, button: None }))
}

fn read(text: &str, state: &State) -> Result<(MailToken, List), Error> {
    let token = MailToken::verify(text, &state.mail.keys).ok_or_else(invalid)?;
    match token.deed {
        Deed::Unsubscribe { list } => Ok((token, list)),
        Deed::Confirm { .. } => Err(invalid()),
    }
}

pub(super) fn invalid() -> Error {
    Problem::new(StatusCode::NOT_FOUND, "link_invalid", "This link is none of ours, or its time is over.").into()
}

fn name(list: List) -> &'static str {
    match list {
        List::Alerts => "Mails about single notifications",
        List::Digests { .. } => "Digests of your notifications",
    }
}

async fn end(tx: &TenantTx, state: &State, token: &MailToken, list: List) -> Result<(), Error> {
    let (tenant, user, now) = (&token.tenant, &token.user, state.seams.clock.now());
    users::lock(tx, tenant, user, state.seams.ids.uuid(), now).await?;
    // Its user first: an account without a word of its own follows.
    for (account, _, _) in preferences::of_all_accounts(tx, tenant, user).await? {
        let values = preferences::effective(tx, tenant, user, account).await?.preferences;
        let settings = match list {
            List::Alerts if values.channels.contains(&Way::Email) => {
                let left: Vec<Way> = values.channels.into_iter().filter(|way| *way != Way::Email).collect();
                json!({ "channels": left })
            }
            List::Digests { account: of } if of == account && !values.digest_frequency.is_none() => {
                json!({ "digestFrequency": "none" })
            }
            List::Alerts | List::Digests { .. } => continue,
        };
        let change = Change { id: state.seams.ids.uuid(), tenant, user, account, settings, now };
        preferences::change(tx, change).await?;
    }
    // Triggers mail whatever the preferences say.
    if list == List::Alerts {
        triggers::end_mails(tx, tenant, user, now).await?;
    }
    quiet_ends::look_again(tx, tenant, user, now).await?;
    reschedule(tx, state.seams.ids.as_ref(), tenant, user, now).await?;
    Ok(())
}
