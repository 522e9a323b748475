//! `/openapi.json` and `/docs`.

use reqwest::Method;
use serde_json::{Value, json};
use wiremock::matchers::path;
use wiremock::{Mock, ResponseTemplate};

use crate::harness::Gateway;

#[tokio::test]
async fn the_services_documents_are_one_and_a_service_that_is_down_is_named() {
    let gateway = Gateway::start_with(|mut config| {
        config.upstreams.notification = "http://127.0.0.1:1/".parse().unwrap();
        config
    })
    .await;
    let document = json!({"openapi": "3.1.0", "paths": {"/api/connectors": {"get": {}}, "/internal/x": {"get": {}}}});
    let answer = ResponseTemplate::new(200).set_body_json(document);
    Mock::given(path("/openapi.json")).respond_with(answer).mount(&gateway.services.connector).await;
    let answer = gateway.request(Method::GET, "/openapi.json").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let merged: Value = answer.json().await.unwrap();
    let mut paths = merged["paths"].as_object().unwrap().clone();
    // What the gateway says it answers itself, it answers.
    for own in ["/docs", "/health/live", "/health/ready", "/openapi.json"] {
        let described = paths.remove(own).unwrap();
        assert_eq!(described["get"]["security"], json!([]), "{own}");
        assert_eq!(gateway.request(Method::GET, own).send().await.unwrap().status(), 200, "{own}");
    }
    // These need a token.
    for (own, method) in [
        ("/api/v1/api-keys", Method::POST),
        ("/api/v1/api-keys/{id}", Method::DELETE),
        ("/api/v1/tokens", Method::POST),
        ("/api/v1/audit-log", Method::GET),
    ] {
        let described = paths.remove(own).unwrap();
        let operation = &described[method.as_str().to_ascii_lowercase()];
        assert!(operation["summary"].is_string() && operation["security"].is_null(), "{own}: {described}");
        assert_eq!(gateway.request(method, own).send().await.unwrap().status(), 401, "{own}");
    }
    assert!(merged["components"]["schemas"]["NewApiKey"].is_object());
    // Of a service's only what is in the table, with what the gateway adds to all of them.
    assert_eq!(paths.keys().collect::<Vec<_>>(), ["/api/connectors"]);
    let list = &paths["/api/connectors"]["get"];
    assert_eq!(list["operationId"], "get_api_connectors");
    for status in ["401", "403", "429", "503"] {
        assert!(list["responses"][status]["content"]["application/problem+json"].is_object(), "{status}: {list}");
    }
    assert_eq!(merged["x-missing"], json!(["notification"]));
    assert_eq!(merged["servers"][0]["url"], "https://mail.example.com");
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() {
    let gateway = Gateway::start().await;
    let answer = gateway.request(Method::GET, "/docs").send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let page = answer.text().await.unwrap();
    assert!(!page.contains("http://") && !page.contains("https://"));
}

#[tokio::test]
async fn the_pages_files_are_here_and_show_our_document() {
    let gateway = Gateway::start().await;
    let page = gateway.request(Method::GET, "/docs").send().await.unwrap().text().await.unwrap();
    assert!(page.contains(r#"<base href="/docs/">"#), "{page}");
    for (file, kind) in [
        ("swagger-ui.css", "text/css"),
        ("index.css", "text/css"),
        ("swagger-ui-bundle.js", "text/javascript"),
        ("swagger-ui-standalone-preset.js", "text/javascript"),
        ("swagger-initializer.js", "text/javascript"),
        ("favicon-32x32.png", "image/png"),
    ] {
        assert!(page.contains(file), "{file}: {page}");
        let answer = gateway.request(Method::GET, &format!("/docs/{file}")).send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &kind.parse().unwrap()),
            "{file}"
        );
        if file == "swagger-initializer.js" {
            let script = answer.text().await.unwrap();
            assert!(script.contains(r#""url": "/openapi.json""#) && !script.contains("http"), "{script}");
        }
    }
    let answer = gateway.request(Method::GET, "/docs/nothing.js").send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["content-type"]),
        (404, &"application/problem+json".parse().unwrap())
    );
    let answer = gateway.request(Method::POST, "/docs").send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "GET"));
}
