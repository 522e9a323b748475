//! A small service on two free ports.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::web::{self as routes, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_domain::{ConnectorId, TenantId, UserId};
use postrider_runtime::{Context, Shutdown};
use postrider_web::service_tokens::Claims;
use postrider_web::{
    ApiJson, ApiQuery, Caller, Health, InternalKeys, InternalTokens, Limit, PathId, Problem, RequestContext, Scopes,
    Server, ServerConfig, ServiceCaller,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::task::JoinHandle;

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

pub struct TestServer {
    pub addr: SocketAddr,
    pub admin: SocketAddr,
    pub cx: Context,
    pub running: JoinHandle<anyhow::Result<()>>,
}

impl TestServer {
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    pub fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin)
    }
}

/// Nothing may outlive its test.
impl Drop for TestServer {
    fn drop(&mut self) {
        self.cx.shutdown.stop_hard();
    }
}

pub fn start() -> TestServer {
    start_with(Health::new(), |_| {})
}

#[expect(clippy::disallowed_methods, reason = "the test awaits the server's end by the handle")]
pub fn start_with(health: Health, more: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> TestServer {
    let cx = Context::for_tests();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = ServerConfig { name: "connector", listen: any, admin: any, body_limit: BODY_LIMIT };
    let tokens = tokens("connector");
    let server = Server::bind(config, &cx, health, move |cfg| {
        cfg.app_data(tokens.clone()).configure(things).configure(more.clone());
    })
    .unwrap();
    // The server's own 30 s would be a long test; loopback acknowledges at once.
    assert_eq!(server.public_socket().tcp_user_timeout().unwrap(), Some(Duration::from_secs(30)));
    server.public_socket().set_tcp_user_timeout(Some(Duration::from_secs(1))).unwrap();
    let (addr, admin, shutdown): (_, _, Shutdown) = (server.addr(), server.admin_addr(), cx.shutdown.clone());
    let running = tokio::spawn(server.run(shutdown));
    TestServer { addr, admin, cx, running }
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

pub fn keys() -> InternalKeys {
    let key = |seed: &str| STANDARD.encode(seed.repeat(32));
    let text = format!("gateway>connector:{},sync-worker>connector:{}", key("a"), key("b"));
    InternalKeys::parse(&text).unwrap()
}

pub fn tokens(name: &str) -> InternalTokens {
    InternalTokens::new(keys(), name, Arc::new(postrider_domain::SystemClock))
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

pub fn http() -> reqwest::Client {
    postrider_runtime::tls::install();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// Asserts a problem document and returns it.
pub async fn problem(answer: reqwest::Response, status: u16, code: &str) -> serde_json::Value {
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    let id = answer.headers()["x-request-id"].to_str().unwrap().to_owned();
    let document: serde_json::Value = answer.json().await.unwrap();
    assert_eq!(document["code"], code, "{document}");
    assert_eq!(document["status"], status, "{document}");
    assert_eq!(document["request_id"], id, "{document}");
    assert!(document["title"].as_str().is_some_and(|title| !title.is_empty()), "{document}");
    document
}
