//! Which row a request belongs to.

use actix_web::App;
use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service};

use super::*;
use crate::routes::{Access, Service};

/// The row that a request finds, or the status and the allowed methods of the answer.
async fn find(requests: &[(Method, &str)]) -> Vec<Result<&'static Route, (StatusCode, String)>> {
    let mut app = App::new();
    let handled = |row, mounted: actix_web::Route| {
        mounted.to(move || async move {
            let place = TABLE.iter().position(|other| other == row).unwrap();
            HttpResponse::Ok().insert_header(("x-row", place)).finish()
        })
    };
    let others = |allowed: Vec<Verb>| {
        let allowed: Vec<_> = allowed.into_iter().map(Verb::name).collect();
        let allowed = allowed.join(", ");
        web::to(move || {
            let answer = HttpResponse::MethodNotAllowed().insert_header((ALLOW, allowed.clone())).finish();
            std::future::ready(answer)
        })
    };
    for resource in rows(handled, others) {
        app = app.service(resource);
    }
    let app = init_service(app).await;
    let mut found = Vec::new();
    for (method, path) in requests {
        let request = TestRequest::default().method(method.clone()).uri(path).to_request();
        let answer = call_service(&app, request).await;
        let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        found.push(match header("x-row") {
            Some(place) => Ok(&TABLE[place.parse::<usize>().unwrap()]),
            None => Err((answer.status(), header("allow").unwrap_or_default())),
        });
    }
    found
}

fn method(verb: Verb) -> Method {
    verb.name().parse().unwrap()
}

#[actix_web::test]
async fn every_row_finds_itself() {
    let segment = |part: &'static str| if part.starts_with('{') { "0199-x%20y" } else { part };
    let paths: Vec<String> =
        TABLE.iter().map(|row| row.pattern.split('/').map(segment).collect::<Vec<_>>().join("/")).collect();
    let requests: Vec<_> = TABLE.iter().zip(&paths).map(|(row, path)| (method(row.verb), path.as_str())).collect();
    for (row, found) in TABLE.iter().zip(find(&requests).await) {
        assert_eq!(found, Ok(row));
    }
}

#[actix_web::test]
async fn fixed_segments_win_over_ids_and_head_is_get() {
    let found = find(&[
        (Method::GET, "/api/notifications/stats"),
        (Method::HEAD, "/api/notifications/stats"),
        (Method::POST, "/api/notifications/bulk-read"),
        (Method::GET, "/api/notifications/0199"),
    ])
    .await;
    let patterns: Vec<_> = found.into_iter().map(|found| found.unwrap().pattern).collect();
    let expected = [
        "/api/notifications/stats",
        "/api/notifications/stats",
        "/api/notifications/bulk-read",
        "/api/notifications/{id}",
    ];
    assert_eq!(patterns, expected);
}

#[actix_web::test]
async fn a_known_path_with_another_method_names_the_methods_it_has() {
    let wrong = |allowed: &str| Err((StatusCode::METHOD_NOT_ALLOWED, allowed.to_owned()));
    let found = find(&[
        (Method::PUT, "/api/connectors/1"),
        (Method::TRACE, "/gmail/sync"),
        (Method::GET, "/api/notifications/bulk-read"),
    ])
    .await;
    assert_eq!(found, [wrong("GET, PATCH, DELETE"), wrong("POST"), wrong("POST")]);
}

#[actix_web::test]
async fn paths_that_a_url_parser_would_rewrite_are_unknown() {
    let paths = [
        "/api/v1/emails/../../internal/events",
        "/api/v1/emails/%2e%2E/raw",
        "/api/v1/emails/./raw",
        "/api/v1/emails//raw",
        "/api/v1/emails/",
        "/internal/events",
        "/internal/token-leases",
        "/metrics",
        "/",
    ];
    for (path, found) in paths.iter().zip(find(&paths.map(|path| (Method::GET, path))).await) {
        assert_eq!(found, Err((StatusCode::NOT_FOUND, String::new())), "{path}");
    }
}

#[test]
fn no_row_stands_twice() {
    for (at, row) in TABLE.iter().enumerate() {
        let twice = TABLE.iter().skip(at + 1).any(|other| (other.verb, other.pattern) == (row.verb, row.pattern));
        assert!(!twice, "{} {}", row.verb.name(), row.pattern);
    }
}

#[test]
fn nothing_internal_is_in_the_table_and_intake_is_what_the_reference_lists() {
    assert!(TABLE.iter().all(|row| !row.pattern.starts_with("/internal")));
    let intake: Vec<_> = TABLE.iter().filter(|row| row.access == Access::Intake).collect();
    assert_eq!(intake.len(), 3);
    assert!(intake.iter().all(|row| row.service == Service::Ingest && row.verb == Verb::Post));
}
