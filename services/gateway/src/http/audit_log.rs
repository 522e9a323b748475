//! `GET /api/v1/audit-log`

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use postrider_domain::Timestamp;
use postrider_web::{ApiQuery, Cursor, Limit, Page, Problem, ProblemDocument, RequestContext, RowTime, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::own::{Asked, ask, private};
use super::refused;
use crate::state::State;
use crate::store::audit_log::{self, Entry};

/// The route.
pub const ALL: &str = "/api/v1/audit-log";

/// An entry.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEntry)]
pub struct Shown {
    id: Uuid,
    /// `acted_for`, `api_key.created`, `api_key.deleted`, `token.issued`, `connect_link.asked`, `connect_link.revoked`.
    action: String,
    /// Whose account it touched.
    user_id: String,
    /// Who did it.
    actor: String,
    /// The API key it was done with.
    api_key_id: Option<Uuid>,
    /// What it was done to or through: an id, a route.
    target: String,
    /// The network the request came from.
    address: String,
    request_id: String,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
}

/// Parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    #[serde(default)]
    limit: Limit,
    cursor: Option<Cursor<(RowTime, Uuid)>>,
}

/// What was done in the caller's name, newest first, for 400 days. Needs `admin`; with `tenant:admin` it is all of the
/// tenant, or one user's by `X-User-ID`.
#[utoipa::path(
    get, path = "/api/v1/audit-log", tag = "keys",
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
        let query = ApiQuery::<Parameters>::of(&request)?;
        let of_tenant = identity.scopes.allows(Scope::TenantAdmin);
        if !of_tenant {
            identity.scopes.require(Scope::Admin)?;
        }
        let newest = (state.seams.clock.now() + TimeDelta::days(1), Uuid::max());
        let before = query.cursor.map_or(newest, |cursor| (cursor.0.0.0, cursor.0.1));
        let tx = state.db.tenant(&identity.tenant).await?;
        let rows = if of_tenant && identity.actor == identity.user {
            audit_log::of_tenant(&tx, before, query.limit.and_one()).await?
        } else {
            audit_log::of_user(&tx, &identity.user, before, query.limit.and_one()).await?
        };
        tx.commit().await?;
        let page = Page::cut(rows, query.limit, |row| (row.created_at, row.id))?;
        Ok(private(HttpResponse::Ok().json(page.map(Shown::from))))
    };
    listed.await.map_err(|error| refused(&state, error))
}

impl From<Entry> for Shown {
    fn from(entry: Entry) -> Self {
        let Entry { id, user_id, actor, api_key_id, action, target, address, request_id, created_at } = entry;
        let (user_id, actor) = (user_id.into_string(), actor.into_string());
        Self { id, action, user_id, actor, api_key_id, target, address, request_id, created_at }
    }
}
