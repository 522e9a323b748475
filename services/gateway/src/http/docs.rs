//! `/openapi.json`, and `/docs`: Swagger UI, compiled in, which shows it.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ContentType};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use postrider_web::Problem;
use utoipa_swagger_ui::{Config, SwaggerFile, serve};

use super::{admit, refused};
use crate::state::State;

/// The page runs its own scripts and styles (some of them inline), shows pictures it holds itself, asks the gateway
/// alone, and is shown in no frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'none'";

/// No badge of a validator elsewhere.
static CONFIG: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::new(["/openapi.json"]).validator_url("none")));

/// The merged document.
pub async fn openapi(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    admit::open(&request, &state).map_err(|exceeded| refused(&state, exceeded.into()))?;
    let document = state.catalog.document().await;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).insert_header((CACHE_CONTROL, "no-cache")).body(document))
}

/// The page that shows it.
pub async fn page(request: HttpRequest, state: Data<State>) -> Result<HttpResponse, Problem> {
    let page = part(&request, &state, "index.html")?;
    // Its files have relative names, and `/docs` is no folder.
    let text = String::from_utf8_lossy(&page.bytes).replacen("<head>", "<head>\n    <base href=\"/docs/\">", 1);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        .content_type("text/html; charset=utf-8")
        .body(text))
}

/// A file of the page.
pub async fn file(request: HttpRequest, name: Path<String>, state: Data<State>) -> Result<HttpResponse, Problem> {
    let file = part(&request, &state, &name)?;
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_SECURITY_POLICY, POLICY)).insert_header((CACHE_CONTROL, "max-age=3600"));
    let bytes = match file.bytes {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => bytes.into(),
    };
    Ok(response.content_type(file.content_type).body(bytes))
}

fn part(request: &HttpRequest, state: &State, name: &str) -> Result<SwaggerFile<'static>, Problem> {
    admit::open(request, state).map_err(|exceeded| refused(state, exceeded.into()))?;
    serve(name, CONFIG.clone()).map_err(Problem::unexpected)?.ok_or_else(Problem::not_found)
}
