//! The routes of a small service.

use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::web::{self as routes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use postrider_domain::{ConnectorId, TenantId, UserId};
pub use postrider_testing::server::{TestServer, http, problem, tokens};
use postrider_web::service_tokens::Claims;
use postrider_web::{ApiJson, ApiQuery, Caller, Health, Limit, PathId, Problem, RequestContext, Scopes, ServiceCaller};
use serde::{Deserialize, Serialize};
use serde_json::json;

pub const BODY_LIMIT: usize = 4_096;

#[derive(Debug, Serialize, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Thing {
    pub name: String,
    #[serde(default)]
    pub size: u8,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ListQuery {
    #[serde(default)]
    limit: Limit,
}

pub fn start() -> TestServer {
    start_with(Health::new(), |_| {})
}

pub fn start_with(health: Health, more: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> TestServer {
    TestServer::start(BODY_LIMIT, health, move |cfg| {
        cfg.configure(things).configure(more.clone());
    })
}

fn things(cfg: &mut ServiceConfig) {
    cfg.route("/things", routes::post().to(create))
        .route("/things", routes::get().to(list))
        .route("/things/{id}", routes::get().to(get))
        .route("/me", routes::get().to(me))
        .route("/internal/who", routes::get().to(who))
        .route("/internal/echo", routes::post().to(echo))
        .route("/fails/{how}", routes::get().to(fails))
        .route("/proxied", routes::get().to(proxied))
        .route("/slow", routes::get().to(slow))
        .service(routes::scope("/guarded").wrap(from_fn(refuse)).route("", routes::get().to(slow)));
}

async fn create(thing: ApiJson<Thing>) -> HttpResponse {
    HttpResponse::Created().json(thing.into_inner())
}

async fn list(query: ApiQuery<ListQuery>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "limit": query.limit.get() }))
}

async fn get(id: PathId<ConnectorId>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "id": id.into_inner() }))
}

async fn me(caller: Caller) -> Result<HttpResponse, Problem> {
    caller.require(postrider_web::Scope::Read)?;
    let Caller { tenant, user, request_id, trace, .. } = caller;
    let trace_id = trace.trace_id_hex();
    Ok(HttpResponse::Ok()
        .json(json!({ "tenant": tenant, "user": user, "request_id": request_id, "trace_id": trace_id })))
}

async fn who(caller: ServiceCaller) -> Result<HttpResponse, Problem> {
    caller.must_be(&["sync-worker"])?;
    Ok(HttpResponse::Ok().json(json!({ "name": caller.name })))
}

async fn echo(request: HttpRequest, _caller: ServiceCaller, thing: ApiJson<Thing>) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let headers = [header("x-request-id"), header("traceparent")];
    HttpResponse::Ok().json(json!({ "thing": thing.into_inner(), "headers": headers }))
}

async fn fails(how: actix_web::web::Path<String>, _cx: RequestContext) -> Result<HttpResponse, actix_web::Error> {
    match how.as_str() {
        "conflict" => Err(Problem::conflict("account_ambiguous", "Which?").with("accounts", json!(["a", "b"])).into()),
        "unavailable" => Err(Problem::unavailable("broker_down", Duration::from_millis(1_500), "Later.").into()),
        "foreign" => Err(actix_web::error::ErrorInternalServerError("the secret cause")),
        "panic" => panic!("told on purpose"),
        "huge" => Ok(HttpResponse::Ok().body(vec![b'x'; 9 * 1024 * 1024])),
        "text" => Ok(HttpResponse::BadGateway().content_type("text/html").body("<h1>no</h1>")),
        _ => Ok(HttpResponse::NoContent().finish()),
    }
}

/// A middleware of a service that answers for the handler, e.g. a rate limit.
async fn refuse(
    _request: actix_web::dev::ServiceRequest,
    _next: actix_web::middleware::Next<impl actix_web::body::MessageBody>,
) -> Result<actix_web::dev::ServiceResponse, actix_web::Error> {
    Err(Problem::rate_limited(Duration::from_secs(7)).into())
}

/// An error of another service, passed on as it came.
async fn proxied() -> HttpResponse {
    HttpResponse::NotFound().content_type("application/problem+json").body(r#"{"status":404,"code":"theirs"}"#)
}

async fn slow() -> HttpResponse {
    tokio::time::sleep(Duration::from_millis(400)).await;
    HttpResponse::Ok().body("done")
}

pub fn claims() -> Claims {
    Claims {
        tenant: Some(TenantId::parse("acme").unwrap()),
        user: Some(UserId::parse("ann").unwrap()),
        scopes: Scopes::read_write(),
        request_id: "request-7".to_owned(),
    }
}

pub fn token(caller: &str, claims: Claims) -> String {
    tokens(caller).issue("connector", claims).unwrap().expose().to_owned()
}
