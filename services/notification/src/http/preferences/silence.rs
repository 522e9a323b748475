//! `POST /api/notifications/preferences/silence`, `/unsilence`: one sender or folder more or less.

use actix_web::web::{Data as AppData, Json};
use postrider_web::{AccountHeader, ApiJson, ApiQuery, Caller, Problem, Scope, codes};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::put::store;
use crate::error::Error;
use crate::http::account::{AccountParams, must_own};
use crate::http::notifications::view::Data;
use crate::rules::Preferences;
use crate::rules::preferences::{Folder, Sender};
use crate::state::State;
use crate::store::preferences;
use crate::store::users;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SilenceType {
    Sender,
    Folder,
}

/// Whom or what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Silence)]
pub struct Body {
    r#type: SilenceType,
    /// `a@b.c` or `*@b.c`; a label's id, its name, or `[Gmail]/…`.
    value: String,
}

/// The list that was changed.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Silenced {
    #[serde(rename_all = "camelCase")]
    Senders { silenced_senders: Vec<Sender> },
    #[serde(rename_all = "camelCase")]
    Folders { silenced_folders: Vec<Folder> },
}

/// Silences a sender or a folder.
#[utoipa::path(
    post, path = "/api/notifications/preferences/silence", tag = "preferences", params(AccountParams),
    request_body = Body, responses((status = 200, body = Data<Silenced>), (status = 404), (status = 422))
)]
pub async fn silence(
    caller: Caller,
    query: ApiQuery<AccountParams>,
    header: AccountHeader,
    body: ApiJson<Body>,
    state: AppData<State>,
) -> Result<Json<Data<Silenced>>, Error> {
    change(caller, &query, header, body.into_inner(), &state, true).await
}

/// Ends the silence of a sender or a folder.
#[utoipa::path(
    post, path = "/api/notifications/preferences/unsilence", tag = "preferences", params(AccountParams),
    request_body = Body, responses((status = 200, body = Data<Silenced>), (status = 404), (status = 422))
)]
pub async fn unsilence(
    caller: Caller,
    query: ApiQuery<AccountParams>,
    header: AccountHeader,
    body: ApiJson<Body>,
    state: AppData<State>,
) -> Result<Json<Data<Silenced>>, Error> {
    change(caller, &query, header, body.into_inner(), &state, false).await
}

async fn change(
    caller: Caller,
    query: &AccountParams,
    header: AccountHeader,
    body: Body,
    state: &State,
    add: bool,
) -> Result<Json<Data<Silenced>>, Error> {
    caller.require(Scope::Write)?;
    let account = query.account(header)?;
    let item = Item::parse(&body)?;
    let tx = state.db.tenant(&caller.tenant).await?;
    must_own(&tx, &caller, account).await?;
    // Two at once must not forget each other's.
    users::lock(&tx, &caller.tenant, &caller.user, state.seams.ids.uuid(), state.seams.clock.now()).await?;
    let before = preferences::effective(&tx, &caller.tenant, &caller.user, account).await?.preferences;
    let after = item.applied(before, add);
    let settings = match item {
        Item::Sender(_) => json!({ "silencedSenders": after.silenced_senders }),
        Item::Folder(_) => json!({ "silencedFolders": after.silenced_folders }),
    };
    let values = store(&tx, &caller, state, account, settings).await?.preferences;
    tx.commit().await?;
    let data = match item {
        Item::Sender(_) => Silenced::Senders { silenced_senders: values.silenced_senders },
        Item::Folder(_) => Silenced::Folders { silenced_folders: values.silenced_folders },
    };
    Ok(Json(Data { data }))
}

enum Item {
    Sender(Sender),
    Folder(Folder),
}

impl Item {
    fn parse(body: &Body) -> Result<Self, Problem> {
        let parsed = match body.r#type {
            SilenceType::Sender => Sender::parse(&body.value).map(Self::Sender),
            SilenceType::Folder => Folder::parse(&body.value).map(Self::Folder),
        };
        parsed.map_err(|wrong| {
            Problem::unprocessable(codes::INVALID_REQUEST, "A member of the body is wrong.")
                .field("value", wrong.to_string())
        })
    }

    /// The lists with it or without it; it stands there once at most.
    fn applied(&self, mut values: Preferences, add: bool) -> Preferences {
        match self {
            Self::Sender(sender) => {
                values.silenced_senders.retain(|other| !other.same(sender));
                values.silenced_senders.extend(add.then(|| sender.clone()));
            }
            Self::Folder(folder) => {
                values.silenced_folders.retain(|other| !other.same(folder));
                values.silenced_folders.extend(add.then(|| folder.clone()));
            }
        }
        values
    }
}
