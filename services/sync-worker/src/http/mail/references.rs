//! `PUT`, `DELETE /api/v1/emails/{id}/references/{kind}/{ref}`: who holds on to a mail.

use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use postrider_domain::EmailId;
use postrider_storage::TenantTx;
use postrider_web::{AccountHeader, Caller, PathId, Problem, Scope};

use super::view::Reference;
use crate::http::accounts::ids;
use crate::http::api::{Api, invalid, problem};
use crate::store::{emails, references};

/// Longest kind and reference, in bytes.
const MAX_KIND: usize = 64;
const MAX_REFERENCE: usize = 256;

/// A place that is held on to.
struct Held {
    email: EmailId,
    kind: String,
    reference: String,
}

impl Held {
    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let email = PathId::<EmailId>::named(request, "id")?.into_inner();
        let kind = PathId::<String>::named(request, "kind")?.into_inner();
        let reference = PathId::<String>::named(request, "ref")?.into_inner();
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if kind.is_empty() || kind.len() > MAX_KIND || !kind.bytes().all(is_word) {
            return Err(invalid("kind", "must be 1 to 64 letters, digits, dots, dashes or underscores"));
        }
        if reference.is_empty() || reference.len() > MAX_REFERENCE || reference.chars().any(char::is_control) {
            return Err(invalid("ref", "must be 1 to 256 bytes without control characters"));
        }
        Ok(Self { email, kind, reference })
    }

    /// A transaction in which the mail is known to be the caller's.
    async fn open(&self, api: &Api, caller: &Caller, account: AccountHeader) -> Result<TenantTx, Problem> {
        let (tx, accounts) = api.open(caller, Scope::Write).await?;
        let covered = ids(&accounts.covered(account.0, None)?);
        emails::find(&tx, &covered, self.email).await.map_err(problem)?.ok_or_else(Problem::not_found)?;
        Ok(tx)
    }
}

/// A mail that somebody holds on to survives every clean-up.
#[utoipa::path(put, path = "/api/v1/emails/{id}/references/{kind}/{ref}", tag = "mail",
    params(("id" = String, Path, description = "our id"), ("kind" = String, Path, description = "what holds it, such as `task`"),
           ("ref" = String, Path, description = "its id there")),
    responses((status = 201, body = Reference), (status = 200, body = Reference),
              (status = 403, body = postrider_web::ProblemDocument), (status = 404, body = postrider_web::ProblemDocument),
              (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn put(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let held = Held::of(&request)?;
    let tx = held.open(&api, &caller, account).await?;
    let new = references::put(&tx, &caller.tenant, held.email, &held.kind, &held.reference, api.now()).await;
    let new = new.map_err(problem)?;
    let all = references::list(&tx, held.email).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    let row = all.into_iter().find(|row| row.kind == held.kind && row.reference == held.reference);
    let shown = Json(Reference::from(row.ok_or_else(Problem::not_found)?));
    Ok(if new { HttpResponse::Created().json(shown) } else { HttpResponse::Ok().json(shown) })
}

/// Lets go of a mail; 204 also when it was not held.
#[utoipa::path(delete, path = "/api/v1/emails/{id}/references/{kind}/{ref}", tag = "mail",
    params(("id" = String, Path, description = "our id"), ("kind" = String, Path, description = "what holds it, such as `task`"),
           ("ref" = String, Path, description = "its id there")),
    responses((status = 204, description = "not held any more"), (status = 403, body = postrider_web::ProblemDocument),
              (status = 404, body = postrider_web::ProblemDocument), (status = 422, body = postrider_web::ProblemDocument)))]
pub async fn remove(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let held = Held::of(&request)?;
    let tx = held.open(&api, &caller, account).await?;
    references::remove(&tx, held.email, &held.kind, &held.reference).await.map_err(problem)?;
    tx.commit().await.map_err(problem)?;
    Ok(HttpResponse::NoContent().finish())
}
