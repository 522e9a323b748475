//! Bad input is the caller's mistake: always 4xx as a problem, never 5xx, never a hang.

use std::time::Duration;

use reqwest::Method;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{BODY_LIMIT, TestServer, claims, http, problem, start, token};

const JSON: &str = "application/json";

#[tokio::test]
async fn bad_bodies_are_refused_by_kind() {
    let server = start();
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(BODY_LIMIT));
    let deep = format!(r#"{{"name":{}"#, "[".repeat(3_000));
    let table: &[(&str, &str, u16, &str)] = &[
        (JSON, "", 400, "malformed_json"),
        (JSON, "{", 400, "malformed_json"),
        (JSON, "{\"name\":\"\u{0}\"}", 400, "malformed_json"),
        (JSON, r#"{"name":"\ud800"}"#, 400, "malformed_json"),
        (JSON, r#"{"name":"a"}{"name":"b"}"#, 400, "malformed_json"),
        (JSON, &deep, 422, "invalid_request"),
        (JSON, "[]", 422, "invalid_request"),
        (JSON, "1e999", 422, "invalid_request"),
        (JSON, r#"["a", 3]"#, 422, "invalid_request"),
        (JSON, r#"{"name":null}"#, 422, "invalid_request"),
        (JSON, r#"{"name":{"$gt":""}}"#, 422, "invalid_request"),
        (JSON, r#"{"name":"a","size":256}"#, 422, "invalid_request"),
        (JSON, r#"{"name":"a","size":-1}"#, 422, "invalid_request"),
        (JSON, r#"{"name":"a","size":1.5}"#, 422, "invalid_request"),
        (JSON, r#"{"name":"a","__proto__":{}}"#, 422, "invalid_request"),
        (JSON, r#"{"name":"a","name":"b"}"#, 422, "invalid_request"),
        (JSON, &long, 413, "payload_too_large"),
        ("text/plain", r#"{"name":"a"}"#, 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", "name=a", 415, "unsupported_media_type"),
        ("", r#"{"name":"a"}"#, 415, "unsupported_media_type"),
        ("application/json; charset=utf-16", "\u{feff}{}", 400, "malformed_json"),
    ];
    for (content_type, body, status, code) in table {
        let mut request = http().post(server.url("/things")).body((*body).to_owned());
        if !content_type.is_empty() {
            request = request.header("content-type", *content_type);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), *status, "{}", body.chars().take(40).collect::<String>());
        problem(answer, *status, code).await;
    }
    let good = http().post(server.url("/things")).header("content-type", JSON).body(r#"{"name":"a"}"#);
    assert_eq!(good.send().await.unwrap().status(), 201);
}

#[tokio::test]
async fn bytes_that_are_not_text_are_refused() {
    let server = start();
    let request = http().post(server.url("/things")).header("content-type", JSON).body(vec![0xff, 0xfe, 0x00, b'{']);
    problem(request.send().await.unwrap(), 400, "malformed_json").await;
    // Claims gzip: bodies are not inflated, so no small body can become a large one.
    let request = http().post(server.url("/things")).header("content-type", JSON).header("content-encoding", "gzip");
    problem(request.body(vec![0x1f, 0x8b, 0x08]).send().await.unwrap(), 400, "malformed_json").await;
}

#[tokio::test]
async fn bad_paths_and_queries_are_4xx() {
    let server = start();
    let table = [
        ("/things/7", 404),
        ("/things/%00", 404),
        ("/things/%ff%fe", 404),
        ("/things/%zz", 404),
        ("/things/..%2f..%2fetc%2fpasswd", 404),
        ("/things/0192f0c1-2345-7000-8000-00000000000g", 404),
        ("/things/%F0%9F%92%A9", 404),
        ("/things//", 404),
        ("/%", 404),
        ("/things?limit=0", 422),
        ("/things?limit=101", 422),
        ("/things?limit=1&limit=2", 422),
        ("/things?limit=%ff", 422),
        ("/things?limit=1e3", 422),
        ("/things?%zz=%zz", 422),
        ("/things?admin=true", 422),
        ("/things?limit[]=1", 422),
        ("/things?=", 422),
    ];
    for (path, status) in table {
        // By hand: an HTTP client would mend the path.
        let answer =
            raw(&server, format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path}: {answer}");
        assert!(answer.contains("application/problem+json"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn strange_methods_are_405_or_404() {
    let server = start();
    for method in ["DELETE", "PUT", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "BREW", "get"] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = http().request(method.clone(), server.url("/things")).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 405, "{method}");
        problem(answer, 405, "method_not_allowed").await;
        problem(http().request(method, server.url("/no")).send().await.unwrap(), 404, "not_found").await;
    }
    // actix mounts GET for GET alone: a HEAD of it is another method, and its answer has no body.
    let head = http().head(server.url("/things")).send().await.unwrap();
    assert_eq!(head.status(), 405);
    assert_eq!(head.bytes().await.unwrap(), "");
}

#[tokio::test]
async fn header_bombs_and_broken_requests_never_reach_5xx() {
    let server = start();
    let many: String = (0..500).map(|n| format!("X-{n}: y\r\n")).collect();
    let huge = format!("X-Big: {}\r\n", "y".repeat(300_000));
    let forged = format!("Authorization: Bearer {}\r\n", "a.".repeat(20_000));
    let requests = [
        format!("GET /things HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
        format!("GET /things HTTP/1.1\r\nHost: a\r\n{huge}\r\n"),
        format!("GET /me HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{forged}\r\n"),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", "a/".repeat(20_000)),
        "GET /things HTTP/9.9\r\n\r\n".to_owned(),
        "GE T /things HTTP/1.1\r\n\r\n".to_owned(),
        "\0\0\0\0\r\n\r\n".to_owned(),
        "GET /things HTTP/1.1\r\nHost: a\r\nBad Header\r\n\r\n".to_owned(),
        "POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: abc\r\n\r\n".to_owned(),
        "POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: -5\r\n\r\n".to_owned(),
        "POST /things HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\nZZZ\r\n"
            .to_owned(),
        "POST /things HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            .to_owned(),
        "POST /things HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: 99999999999\r\n\r\n{"
            .to_owned(),
    ];
    let statuses = [431, 431, 401, 404, 400, 400, 400, 400, 400, 400, 400, 400, 413];
    assert_eq!(requests.len(), statuses.len());
    for (request, status) in requests.into_iter().zip(statuses) {
        let answer = raw(&server, request.as_bytes()).await;
        let start: String = request.chars().take(60).collect();
        // Who is cut off while still sending may lose the answer with the connection.
        let cut_off = status == 431 && answer.is_empty();
        assert!(cut_off || answer.starts_with(&format!("HTTP/1.1 {status} ")), "{start}: {answer}");
    }
    assert_eq!(http().get(server.url("/health/live")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_body_without_end_is_cut_at_the_limit() {
    let server = start();
    let mut request = b"POST /things HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\n\
                        Transfer-Encoding: chunked\r\n\r\n"
        .to_vec();
    for _ in 0..64 {
        request.extend_from_slice(b"400\r\n");
        request.extend_from_slice(&[b' '; 0x400]);
        request.extend_from_slice(b"\r\n");
    }
    let answer = raw(&server, &request).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn hostile_ids_and_traces_are_replaced() {
    let server = start();
    let long = "x".repeat(5_000);
    for bad in ["", " ", "a b", "<script>", &long, "%0d%0aSet-Cookie:a=b"] {
        let request = http().get(server.url("/me")).bearer_auth(token("gateway", claims()));
        let answer = request.header("x-request-id", bad).header("traceparent", bad).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{bad}");
        assert_eq!(answer.headers()["x-request-id"].to_str().unwrap().len(), 36, "{bad}");
    }
}

/// Sends bytes and reads what comes back until the server closes or falls silent.
async fn raw(server: &TestServer, bytes: &[u8]) -> String {
    let (mut reader, mut writer) = TcpStream::connect(server.addr).await.unwrap().into_split();
    let write = async {
        // The server may close before it has read everything.
        let _closed = writer.write_all(bytes).await;
        let _closed = writer.flush().await;
    };
    let read = async {
        let mut answer = Vec::new();
        let mut chunk = [0; 4_096];
        while let Ok(Ok(n @ 1..)) = tokio::time::timeout(Duration::from_secs(2), reader.read(&mut chunk)).await {
            answer.extend_from_slice(&chunk[..n]);
        }
        answer
    };
    let ((), answer) = tokio::join!(write, read);
    String::from_utf8_lossy(&answer).into_owned()
}
