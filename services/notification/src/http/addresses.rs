//! `/api/notifications/addresses`: mails may go to the addresses of one's accounts, and to one that says so itself, by a link
//! that is mailed to it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::web::{Data as AppData, Json, Path};
use chrono::TimeDelta;
use postrider_domain::EmailAddress;
use postrider_web::{ApiJson, Caller, Problem, Scope, codes};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::digests::send::no_mail;
use super::page::{PageHtml, html};
use super::unsubscribe::invalid;
use crate::deliveries::{CONFIRM, may_be_written_to};
use crate::error::Error;
use crate::http::notifications::view::Data;
use crate::rules::mail_token::{Deed, MailToken};
use crate::state::State;
use crate::store::deliveries::{self, NewMail};
use crate::store::mail_addresses::{self, Wanted};
use crate::store::users;

/// Addresses one user may have asked in a day: strangers must not be bothered by our mails.
const A_DAY: i64 = 5;
/// How soon the same address is asked again: when the link it got has run out.
const AGAIN: TimeDelta = TimeDelta::days(1);

/// Which address.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AddressRequest)]
pub struct Body {
    address: String,
}

/// How far it is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = MailAddress)]
pub struct Answer {
    pub address: String,
    /// Whether mails may go there already. If not, a mail with a link is on its way there.
    pub confirmed: bool,
}

/// Asks an address, by a mail with a link, whether it wants notifications. Then `digestEmail` may name it.
#[utoipa::path(
    post, path = "/api/notifications/addresses", tag = "preferences", request_body = Body,
    responses(
        (status = 200, body = Data<Answer>),
        (status = 401),
        (status = 422),
        (status = 429, description = "Five addresses were asked within a day"),
        (status = 503, description = "`mail_not_configured`"),
    )
)]
pub async fn ask(caller: Caller, body: ApiJson<Body>, state: AppData<State>) -> Result<Json<Data<Answer>>, Error> {
    caller.require(Scope::Write)?;
    let address = EmailAddress::parse(&body.address).map_err(|error| wrong(&error.to_string()))?;
    if address.as_str().parse::<lettre::Address>().is_err() {
        return Err(wrong("cannot be written to").into());
    }
    let (tenant, user, now) = (&caller.tenant, &caller.user, state.seams.clock.now());
    let tx = state.db.tenant(tenant).await?;
    users::lock(&tx, tenant, user, state.seams.ids.uuid(), now).await?;
    let answer = |confirmed| Json(Data { data: Answer { address: address.as_str().to_owned(), confirmed } });
    if may_be_written_to(&tx, tenant, user, address.as_str()).await? {
        tx.commit().await?;
        return Ok(answer(true));
    }
    if !state.actions.sends_mail() {
        return Err(no_mail().into());
    }
    let (id, key) = (state.seams.ids.uuid(), address.lookup_key());
    let asked = mail_addresses::asked_since(&tx, tenant, user, now - TimeDelta::days(1)).await?;
    let wanted = Wanted { id, tenant, user, address: address.as_str(), key: &key, now };
    if mail_addresses::ask(&tx, wanted, now - AGAIN).await? {
        if asked >= A_DAY {
            let day = std::time::Duration::from_secs(86_400);
            return Err(Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "rate_limited",
                "Five addresses were asked within a day.",
            )
            .retry_after(day)
            .into());
        }
        let (id, event_id) = (state.seams.ids.uuid(), state.seams.ids.uuid());
        let mail = NewMail {
            id,
            user,
            event_id,
            kind: CONFIRM,
            account: None,
            notifications: &[],
            digest: None,
            address: Some(address.as_str()),
            due: now,
            now,
        };
        deliveries::insert_mail(&tx, tenant, mail).await?;
        let bell = state.actions.mail_bell().clone();
        tx.on_commit(move || bell.ring());
    }
    tx.commit().await?;
    Ok(answer(false))
}

/// Shows whose notifications would come to an address.
#[utoipa::path(
    get, path = "/api/notifications/addresses/{token}", tag = "preferences", security(()),
    params(("token" = String, Path, description = "Of a mail of ours")),
    responses(
        (status = 200, description = "A page with a button"),
        (status = 404, body = postrider_web::ProblemDocument, description = "`link_invalid`: not one of ours, or older than a day"),
    )
)]
pub async fn show(token: Path<String>, state: AppData<State>) -> Result<HttpResponse, Error> {
    let (token, address) = read(&token, &state)?;
    let text = format!("The user {} wants notifications to be sent to {address}.", token.user);
    let page = PageHtml { title: "Shall notifications go to this address?", text: &text, button: Some("Yes") };
    Ok(html(StatusCode::OK, &page))
}

/// Says that an address wants notifications.
#[utoipa::path(
    post, path = "/api/notifications/addresses/{token}", tag = "preferences", security(()),
    params(("token" = String, Path, description = "Of a mail of ours")),
    responses(
        (status = 200, description = "Done, or done before"),
        (status = 404, body = postrider_web::ProblemDocument, description = "`link_invalid`: not one of ours, or older than a day"),
    )
)]
pub async fn confirm(token: Path<String>, state: AppData<State>) -> Result<HttpResponse, Error> {
    let (token, address) = read(&token, &state)?;
    let key = EmailAddress::parse(&address).map(|address| address.lookup_key()).unwrap_or_default();
    let tx = state.db.tenant(&token.tenant).await?;
    let known = mail_addresses::confirm(&tx, &token.tenant, &token.user, &key, state.seams.clock.now()).await?;
    tx.commit().await?;
    if !known {
        return Err(invalid());
    }
    let page = PageHtml { title: "Confirmed", text: "Notifications may be sent to this address now.", button: None };
    Ok(html(StatusCode::OK, &page))
}

fn read(text: &str, state: &State) -> Result<(MailToken, String), Error> {
    let token = MailToken::verify(text, &state.mail.keys).ok_or_else(invalid)?;
    match &token.deed {
        Deed::Confirm { address, until } if state.seams.clock.now() < *until => {
            let address = address.clone();
            Ok((token, address))
        }
        Deed::Confirm { .. } | Deed::Unsubscribe { .. } => Err(invalid()),
    }
}

fn wrong(why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "A member of the body is wrong.").field("address", why)
}
