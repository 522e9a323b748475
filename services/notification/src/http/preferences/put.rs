//! `PUT /api/notifications/preferences`: changes what it names, for all of the user's accounts or for one.

use actix_web::web::{Data as AppData, Json};
use postrider_domain::{ConnectorId, EmailAddress};
use postrider_storage::TenantTx;
use postrider_web::{AccountHeader, ApiJson, ApiQuery, Caller, Problem, Scope, codes};

use super::PreferencesView;
use crate::deliveries::may_be_written_to;
use crate::digests::reschedule;
use crate::error::Error;
use crate::http::account::{AccountParams, must_own};
use crate::http::notifications::view::Data;
use crate::rules::preferences::Changes;
use crate::state::State;
use crate::store::preferences::{self, Change, Effective};
use crate::store::{quiet_ends, users};

/// Longest list of silenced senders or folders.
const MOST: usize = 1_000;

/// Changes the preferences it names, of an account or the user's defaults.
#[utoipa::path(
    put, path = "/api/notifications/preferences", tag = "preferences", params(AccountParams), request_body = Changes,
    responses((status = 200, body = Data<PreferencesView>), (status = 404), (status = 422))
)]
pub async fn handle(
    caller: Caller,
    query: ApiQuery<AccountParams>,
    header: AccountHeader,
    body: ApiJson<Changes>,
    state: AppData<State>,
) -> Result<Json<Data<PreferencesView>>, Error> {
    caller.require(Scope::Write)?;
    let account = query.account(header)?;
    let changes = body.into_inner();
    let named = changes.digest_email.clone().flatten().flatten();
    let tx = state.db.tenant(&caller.tenant).await?;
    must_own(&tx, &caller, account).await?;
    if let Some(address) = named {
        must_be_own(&tx, &caller, &address).await?;
    }
    let settings = serde_json::to_value(&changes).map_err(Problem::unexpected)?;
    let effective = store(&tx, &caller, &state, account, settings).await?;
    tx.commit().await?;
    Ok(Json(Data { data: PreferencesView::new(caller.user, account, effective) }))
}

/// Writes a change and answers what is in force behind it. What is held for the end of quiet hours is decided again.
pub(super) async fn store(
    tx: &TenantTx,
    caller: &Caller,
    state: &State,
    account: Option<ConnectorId>,
    settings: serde_json::Value,
) -> Result<Effective, Error> {
    let (tenant, user, now) = (&caller.tenant, &caller.user, state.seams.clock.now());
    // What is raised meanwhile is decided by the old values or by the new ones, not by some of each.
    users::lock(tx, tenant, user, state.seams.ids.uuid(), now).await?;
    preferences::change(tx, Change { id: state.seams.ids.uuid(), tenant, user, account, settings, now }).await?;
    quiet_ends::look_again(tx, tenant, user, now).await?;
    reschedule(tx, state.seams.ids.as_ref(), tenant, user, now).await?;
    let effective = preferences::effective(tx, tenant, user, account).await?;
    let values = &effective.preferences;
    if values.quiet_hours_start == values.quiet_hours_end {
        return Err(wrong("quietHoursEnd", "is the start of the quiet hours: they would be all day or never").into());
    }
    for (field, count) in
        [("silencedSenders", values.silenced_senders.len()), ("silencedFolders", values.silenced_folders.len())]
    {
        if count > MOST {
            return Err(wrong(field, "has more than 1000 items").into());
        }
    }
    Ok(effective)
}

/// Mails go to the addresses of the user's accounts, and to what was confirmed: nobody can have mail sent to a stranger.
async fn must_be_own(tx: &TenantTx, caller: &Caller, address: &str) -> Result<(), Error> {
    EmailAddress::parse(address).map_err(|error| wrong("digestEmail", &error.to_string()))?;
    if may_be_written_to(tx, &caller.tenant, &caller.user, address).await? {
        return Ok(());
    }
    let why = "is neither the address of one of your accounts nor confirmed (POST /api/notifications/addresses)";
    Err(wrong("digestEmail", why).into())
}

fn wrong(field: &str, why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "A setting is wrong.").field(field, why)
}
