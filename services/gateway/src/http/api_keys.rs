//! `GET /api/v1/api-keys`, `POST /api/v1/api-keys`, `DELETE /api/v1/api-keys/{id}`

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use postrider_domain::Timestamp;
use postrider_web::{
    ApiJson, ApiQuery, Cursor, Limit, Page, PathId, Problem, ProblemDocument, RequestContext, RowTime, Scope, Scopes,
    codes,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::once::{self, Repeatable};
use super::own::{Asked, ask, private};
use super::{admit, refused};
use crate::audit::{self, Action};
use crate::error::Error;
use crate::rules::api_key::ApiKey;
use crate::rules::identity::Identity;
use crate::state::State;
use crate::store::api_keys::{self, ApiKeyRow, NewKey};
use crate::store::audit_log;

/// Collection and item.
pub const ALL: &str = "/api/v1/api-keys";
pub const ONE: &str = "/api/v1/api-keys/{id}";

/// Most keys of a user.
const MOST: i64 = 50;
/// Longest name, in characters.
const NAME: usize = 100;

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewApiKey)]
pub struct New {
    /// For people, 1 to 100 characters.
    name: String,
    /// Of `read`, `write`, `admin`, `tenant:admin`: none the caller lacks. Without it `read` and `write`, as far as the
    /// caller has them.
    scopes: Option<Vec<String>>,
    /// When it ends; without it, when it is deleted.
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<RowTime>,
}

/// A key, without itself.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKey)]
pub struct Shown {
    id: Uuid,
    name: String,
    /// How the key begins.
    hint: String,
    scopes: Vec<String>,
    #[schema(value_type = Option<String>, format = "date-time")]
    expires_at: Option<Timestamp>,
    /// To the minute.
    #[schema(value_type = Option<String>, format = "date-time")]
    last_used_at: Option<Timestamp>,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
}

/// A key that was made.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiKeyMade)]
pub struct Made {
    #[serde(flatten)]
    shown: Shown,
    /// The key. It is shown this once.
    key: String,
}

/// Parameters of the list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    #[serde(default)]
    limit: Limit,
    cursor: Option<Cursor<Uuid>>,
}

/// The caller's API keys, oldest first.
#[utoipa::path(
    get, path = "/api/v1/api-keys", tag = "keys",
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, body = Page<Shown>), (status = 403, body = ProblemDocument), (status = 422, body = ProblemDocument))
)]
pub async fn list(
    request: HttpRequest,
    context: RequestContext,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let listed = async {
        let Asked { identity, .. } = ask(&request, &context, payload, ALL, &state).await?;
        identity.scopes.require(Scope::Read)?;
        let query = ApiQuery::<Parameters>::of(&request)?;
        let after = query.cursor.map(|cursor| cursor.0);
        let tx = state.db.tenant(&identity.tenant).await?;
        let rows = api_keys::page(&tx, &identity.user, after, query.limit.and_one()).await?;
        tx.commit().await?;
        let page = Page::cut(rows, query.limit, |row| row.id)?;
        Ok(private(HttpResponse::Ok().json(page.map(Shown::from))))
    };
    listed.await.map_err(|error| refused(&state, error))
}

/// Makes an API key. It needs a token: a key makes no other keys, nor does a token made from one. A key for another user
/// reads and writes, and no more.
#[utoipa::path(
    post, path = "/api/v1/api-keys", tag = "keys", request_body = New,
    responses((status = 201, body = Made), (status = 403, body = ProblemDocument), (status = 409, body = ProblemDocument),
              (status = 422, body = ProblemDocument))
)]
pub async fn create(
    request: HttpRequest,
    context: RequestContext,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let created = async {
        let Asked { identity, held } = ask(&request, &context, payload, ALL, &state).await?;
        identity.scopes.require(Scope::Write)?;
        if identity.api_key.is_some() {
            let detail = "An API key cannot make keys, nor can a token made from one: sign in.";
            return Err(Problem::forbidden().with_code("token_required").with_detail(detail).into());
        }
        let new = ApiJson::<New>::of(&request, &held.bytes)?;
        let wanted = Wanted::read(new, &identity, state.seams.clock.now())?;
        let repeatable = Repeatable::of(&request, &identity, "POST", ALL, &held.bytes)?;
        let (client, here) = (admit::client(&request, &state), state.clone());
        let make = move |id: Option<Uuid>| async move {
            let id = id.unwrap_or_else(|| here.seams.ids.uuid());
            let entry = audit::entry(&here, &identity, Action::ApiKeyCreated, id.to_string(), client, &context);
            let made = insert(&here, &identity, wanted, id, &entry).await?;
            Ok(private(HttpResponse::Created().json(made)))
        };
        once::run(repeatable, &state, make).await
    };
    created.await.map_err(|error| refused(&state, error))
}

/// Deletes an API key. It works for ten seconds more at most, and tokens made from it to their end, which is 15 minutes
/// after they were made.
#[utoipa::path(
    delete, path = "/api/v1/api-keys/{id}", tag = "keys", params(("id" = String, Path, description = "the key's id")),
    responses((status = 204), (status = 403, body = ProblemDocument), (status = 404, body = ProblemDocument))
)]
pub async fn delete(
    request: HttpRequest,
    context: RequestContext,
    payload: Payload,
    state: Data<State>,
) -> Result<HttpResponse, Problem> {
    let deleted = async {
        let Asked { identity, held } = ask(&request, &context, payload, ONE, &state).await?;
        identity.scopes.require(Scope::Write)?;
        let id = PathId::<Uuid>::named(&request, "id")?.into_inner();
        let repeatable = Repeatable::of(&request, &identity, "DELETE", ONE, &held.bytes)?;
        let (client, here) = (admit::client(&request, &state), state.clone());
        let remove = move |_id: Option<Uuid>| async move {
            let entry = audit::entry(&here, &identity, Action::ApiKeyDeleted, id.to_string(), client, &context);
            let tx = here.db.tenant(&identity.tenant).await?;
            let hash = api_keys::delete(&tx, &identity.user, id).await?.ok_or(postrider_storage::Error::NotFound)?;
            audit_log::insert(&tx, &identity.tenant, &entry).await?;
            tx.commit().await?;
            if let Ok(hash) = hash.try_into() {
                here.keys.forget(&hash);
            }
            Ok(HttpResponse::NoContent().finish())
        };
        once::run(repeatable, &state, remove).await
    };
    deleted.await.map_err(|error| refused(&state, error))
}

/// What was asked for, read.
struct Wanted {
    name: String,
    scopes: Scopes,
    expires_at: Option<Timestamp>,
}

impl Wanted {
    fn read(new: New, identity: &Identity, now: Timestamp) -> Result<Self, Problem> {
        let wrong = |field: &str, why: &str| {
            Problem::unprocessable(codes::INVALID_REQUEST, "A member of the request is wrong.").field(field, why)
        };
        let name = new.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > NAME || name.chars().any(char::is_control) {
            return Err(wrong("name", "must be 1 to 100 characters"));
        }
        let scopes: Scopes = match new.scopes {
            Some(words) => {
                let parsed: Result<Vec<Scope>, ()> = words.iter().map(|word| word.parse()).collect();
                let parsed = parsed.map_err(|()| wrong("scopes", "must be of read, write, admin, tenant:admin"))?;
                if let Some(lacked) = parsed.iter().find(|scope| !identity.scopes.allows(**scope)) {
                    return Err(wrong("scopes", &format!("the caller itself lacks {}", lacked.as_str())));
                }
                let for_another = identity.actor != identity.user;
                if for_another && parsed.iter().any(|scope| matches!(scope, Scope::Admin | Scope::TenantAdmin)) {
                    return Err(wrong("scopes", "a key for another user may read and write only"));
                }
                parsed.into_iter().collect()
            }
            None => [Scope::Read, Scope::Write].into_iter().filter(|scope| identity.scopes.allows(*scope)).collect(),
        };
        if scopes.is_empty() {
            return Err(wrong("scopes", "must name one at least"));
        }
        let expires_at = new.expires_at.map(|at| at.0);
        if expires_at.is_some_and(|at| at <= now) {
            return Err(wrong("expires_at", "must lie ahead"));
        }
        Ok(Self { name, scopes, expires_at })
    }
}

async fn insert(
    state: &State,
    identity: &Identity,
    wanted: Wanted,
    id: Uuid,
    entry: &audit_log::Entry,
) -> Result<Made, Error> {
    let key = ApiKey::new(state.seams.entropy.as_ref());
    let created_at = state.seams.clock.now();
    let new = NewKey {
        id,
        tenant: &identity.tenant,
        user: &identity.user,
        name: &wanted.name,
        hash: key.hash(),
        hint: key.hint(),
        scopes: &wanted.scopes,
        expires_at: wanted.expires_at,
        created_at,
    };
    let tx = state.db.tenant(&identity.tenant).await?;
    if api_keys::insert(&tx, new, MOST).await? == 0 {
        return Err(Problem::conflict("too_many_api_keys", "The user has 50 keys already: delete one first.").into());
    }
    audit_log::insert(&tx, &identity.tenant, entry).await?;
    tx.commit().await?;
    let (hint, scopes) = (key.hint().to_owned(), words(&wanted.scopes.to_string()));
    let Wanted { name, expires_at, .. } = wanted;
    let shown = Shown { id, name, hint, scopes, expires_at, last_used_at: None, created_at };
    Ok(Made { shown, key: key.into_secret().expose().to_owned() })
}

fn words(scopes: &str) -> Vec<String> {
    scopes.split_ascii_whitespace().map(str::to_owned).collect()
}

impl From<ApiKeyRow> for Shown {
    fn from(row: ApiKeyRow) -> Self {
        let ApiKeyRow { id, name, hint, scopes, expires_at, last_used_at, created_at } = row;
        Self { id, name, hint, scopes: words(&scopes), expires_at, last_used_at, created_at }
    }
}
