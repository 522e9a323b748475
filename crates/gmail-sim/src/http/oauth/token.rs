//! `POST /token` and `POST /revoke`.

use actix_web::http::StatusCode;
use actix_web::http::header::{AUTHORIZATION, CACHE_CONTROL};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::service;
use crate::gate::Method;
use crate::http::call::failure;
use crate::http::query::Query;
use crate::oauth::{OAuthError, TokenAnswer, TokenRequest};
use crate::server::Sim;

/// `POST /token`. Client credentials come in the form or as HTTP Basic.
pub(crate) async fn token(request: HttpRequest, sim: Data<Sim>, body: Bytes) -> HttpResponse {
    if let Some(refused) = fault(&sim, Method::Token).await {
        return refused;
    }
    let form = Query::parse(&String::from_utf8_lossy(&body));
    if form.get("grant_type") == Some(service::GRANT) {
        return service::token(&sim, &form);
    }
    let text = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let (basic_id, basic_secret) = basic(&request).unwrap_or_default();
    let wanted = TokenRequest {
        grant_type: text("grant_type"),
        code: text("code"),
        redirect_uri: text("redirect_uri"),
        code_verifier: form.get("code_verifier").map(str::to_owned),
        refresh_token: text("refresh_token"),
        client_id: form.get("client_id").map_or(basic_id, str::to_owned),
        client_secret: form.get("client_secret").map_or(basic_secret, str::to_owned),
    };
    match sim.oauth.token(&wanted, sim.world.now()) {
        Ok(answer) => success(&sim, &wanted.client_id, answer),
        Err(error) => refusal(&error),
    }
}

/// `POST /revoke?token=…`: ends the whole grant.
pub(crate) async fn revoke(request: HttpRequest, sim: Data<Sim>, body: Bytes) -> HttpResponse {
    if let Some(refused) = fault(&sim, Method::Revoke).await {
        return refused;
    }
    let (query, form) = (Query::of(&request), Query::parse(&String::from_utf8_lossy(&body)));
    let token = form.get("token").or_else(|| query.get("token")).unwrap_or_default();
    if sim.oauth.revoke(token) {
        return HttpResponse::Ok().json(json!({}));
    }
    let text = json!({"error": "invalid_token", "error_description": "Token expired or revoked"});
    HttpResponse::BadRequest().json(text)
}

fn success(sim: &Sim, client: &str, answer: TokenAnswer) -> HttpResponse {
    let mut body = json!({
        "access_token": answer.access_token,
        "expires_in": answer.expires_in,
        "scope": answer.scopes.join(" "),
        "token_type": "Bearer",
    });
    let Some(fields) = body.as_object_mut() else { return HttpResponse::InternalServerError().finish() };
    if let Some(token) = &answer.refresh_token {
        fields.insert("refresh_token".to_owned(), json!(token));
    }
    if answer.scopes.iter().any(|scope| scope == "openid") {
        match sim.keys.sign(&id_claims(sim, client, &answer)) {
            Ok(token) => fields.insert("id_token".to_owned(), json!(token)),
            Err(error) => {
                tracing::error!(%error, "id_token");
                return HttpResponse::InternalServerError().finish();
            }
        };
    }
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-cache, no-store, max-age=0, must-revalidate")).json(body)
}

fn id_claims(sim: &Sim, client: &str, answer: &TokenAnswer) -> Value {
    let now = sim.token_time().timestamp();
    let mut claims = json!({
        "iss": &*sim.issuer,
        "azp": client,
        "aud": client,
        "sub": answer.account.sub,
        "iat": now,
        "exp": now + 3_600,
    });
    let with_email = answer.scopes.iter().any(|scope| scope == "email" || scope.ends_with("/userinfo.email"));
    if let Some(fields) = claims.as_object_mut() {
        if with_email {
            fields.insert("email".to_owned(), json!(answer.account.address));
            fields.insert("email_verified".to_owned(), json!(true));
        }
        if let Some(nonce) = &answer.nonce {
            fields.insert("nonce".to_owned(), json!(nonce));
        }
    }
    claims
}

pub(super) fn refusal(error: &OAuthError) -> HttpResponse {
    HttpResponse::build(StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST)).json(error)
}

/// A fault rule may name these endpoints too.
async fn fault(sim: &Sim, method: Method) -> Option<HttpResponse> {
    let admission = sim.gate.admit("oauth", method, None, sim.world.now());
    if let Some(latency) = admission.latency {
        tokio::time::sleep(latency).await;
    }
    admission.permit.err().map(|error| match error.reason.as_ref() {
        "invalid_grant" => {
            HttpResponse::BadRequest().json(json!({"error": "invalid_grant", "error_description": error.message}))
        }
        _ => failure(&error),
    })
}

fn basic(request: &HttpRequest) -> Option<(String, String)> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(header).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    // RFC 6749 §2.3.1: both are form-encoded before they are joined.
    let plain = |part: &str| url::form_urlencoded::parse(part.as_bytes()).next().map(|(name, _)| name.into_owned());
    Some((plain(id)?, plain(secret)?))
}
