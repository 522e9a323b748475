//! Our own small pages, for whoever follows a link in a mail. No script, no outside resource, nothing that may be framed or
//! cached; the link's token goes to nobody else.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header;
use askama::Template as _;

/// What is shown.
#[derive(askama::Template)]
#[template(path = "page.html")]
pub struct PageHtml<'a> {
    pub title: &'a str,
    pub text: &'a str,
    /// A button that acts: the form goes to where it was fetched from.
    pub button: Option<&'a str>,
}

/// The answer.
pub fn html(status: StatusCode, page: &PageHtml<'_>) -> HttpResponse {
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(page.render().unwrap_or_default())
}
