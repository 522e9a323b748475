//! JWKS and the discovery document.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::server::Sim;

/// `GET /oauth2/v3/certs`.
pub(crate) async fn certs(sim: Data<Sim>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "public, max-age=20000, must-revalidate")).json(sim.keys.jwks())
}

/// `GET /.well-known/openid-configuration`.
pub(crate) async fn discovery(request: HttpRequest, sim: Data<Sim>) -> HttpResponse {
    let base = format!("http://{}", request.connection_info().host());
    HttpResponse::Ok().json(json!({
        "issuer": &*sim.issuer,
        "authorization_endpoint": format!("{base}/o/oauth2/v2/auth"),
        "token_endpoint": format!("{base}/token"),
        "revocation_endpoint": format!("{base}/revoke"),
        "jwks_uri": format!("{base}/oauth2/v3/certs"),
        "response_types_supported": ["code"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "code_challenge_methods_supported": ["S256"],
    }))
}
