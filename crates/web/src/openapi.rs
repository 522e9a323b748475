//! Each service's own OpenAPI document at `/openapi.json`; the gateway merges them.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::header::ContentType;
use actix_web::web::{Bytes, ServiceConfig, get};
use utoipa::openapi::OpenApi;

/// Mounts the document: `cfg.configure(web::openapi::document(&ApiDoc::openapi()))`.
pub fn document(document: &OpenApi) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static + use<> {
    let text = document.to_json().unwrap_or_else(|error| {
        tracing::error!(error = %error, "the OpenAPI document cannot be written");
        "{}".to_owned()
    });
    let text: Arc<Bytes> = Arc::new(Bytes::from(text));
    move |config: &mut ServiceConfig| {
        let text = text.clone();
        config.route(
            "/openapi.json",
            get().to(move || {
                let text = Bytes::clone(&text);
                async move { HttpResponse::Ok().content_type(ContentType::json()).body(text) }
            }),
        );
    }
}
