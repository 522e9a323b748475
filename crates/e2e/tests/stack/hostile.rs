//! Bad input on every route that is built: 4xx problem+json, nothing changed, never a 5xx.

use e2e::World;
use reqwest::Method;
use serde_json::{Value, json};

/// What is put where a route wants an id, a parameter or a body.
const BAD_IDS: [&str; 5] = ["42", "not-an-id", "%00", "..%2f..%2fetc", "00000000-0000-7000-8000-000000000000"];

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_route_refuses_bad_input() {
    let world = World::start(23_000).await;
    let client = world.client("acme", "ann");
    let document = client.get("/openapi.json").await;
    let paths = document["paths"].as_object().expect("the document has paths").clone();
    assert!(paths.len() >= 20, "only {} paths are documented", paths.len());
    let before = fingerprint(&world).await;
    let anonymous = e2e::client::http();
    let mut tried = 0;
    for (path, item) in &paths {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            let wants_body = operation.get("requestBody").is_some();
            for url in urls(path) {
                for body in bodies(wants_body) {
                    let answer = client.call(method.clone(), &url, body.clone()).await;
                    tried += 1;
                    assert!(
                        !answer.status.is_server_error(),
                        "{method} {url} {body:?}: {} {}",
                        answer.status,
                        answer.body
                    );
                    if answer.status.is_client_error() {
                        assert_eq!(answer.content_type, "application/problem+json", "{method} {url}: {}", answer.body);
                        assert!(answer.body["code"].is_string(), "{method} {url}: {}", answer.body);
                    }
                }
            }
            // Malformed JSON, an alien content type, no token at all.
            let target = format!("{}{}", world.origin(), path.replace(['{', '}'], ""));
            for (kind, body) in
                [("application/json", "{\"a\":"), ("text/plain", "hello"), ("application/json", "\u{0}")]
            {
                let answer = anonymous
                    .request(method.clone(), &target)
                    .bearer_auth(world.stack.token("acme", "ann").unwrap().expose())
                    .header("content-type", kind)
                    .body(body)
                    .send()
                    .await
                    .unwrap();
                assert!(!answer.status().is_server_error(), "{method} {target} {kind} {body:?}: {}", answer.status());
            }
            let answer = anonymous.request(method.clone(), &target).send().await.unwrap();
            assert!(!answer.status().is_server_error(), "{method} {target} without a token: {}", answer.status());
        }
    }
    assert!(tried > 100, "only {tried} requests");
    assert_eq!(fingerprint(&world).await, before, "bad input changed something");
}

fn urls(path: &str) -> Vec<String> {
    let mut urls = Vec::new();
    if path.contains('{') {
        for id in BAD_IDS {
            let filled: Vec<String> = path
                .split('/')
                .map(|part| if part.starts_with('{') { id.to_owned() } else { part.to_owned() })
                .collect();
            urls.push(filled.join("/"));
        }
    } else {
        for query in [
            "?limit=0",
            "?limit=101",
            "?limit=abc",
            "?page=-1",
            "?cursor=!!",
            "?no_such_parameter=1",
            "?user_email=%00",
        ] {
            urls.push(format!("{path}{query}"));
        }
    }
    urls
}

fn bodies(wants_body: bool) -> Vec<Option<Value>> {
    if !wants_body {
        return vec![None];
    }
    vec![
        Some(json!({"no_such_member": 1})),
        Some(json!([])),
        Some(json!("text")),
        Some(
            json!({"type": 7, "title": [], "status": {}, "auth_code": 1, "max_results": "many", "notificationIds": "x"}),
        ),
    ]
}

/// Row counts of everything a request could change.
async fn fingerprint(world: &World) -> Vec<(String, i64)> {
    use storage::types::{BigInt, Text};
    #[derive(storage::QueryableByName)]
    struct Count {
        #[diesel(sql_type = Text)]
        name: String,
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let admin = world.admin().await;
    storage::sql(
        "SELECT 'connectors' AS name, count(*) AS n FROM connector.connectors \
         UNION ALL SELECT 'watches', count(*) FROM connector.watches \
         UNION ALL SELECT 'mailboxes', count(*) FROM mailbox.mailboxes \
         UNION ALL SELECT 'runs', count(*) FROM mailbox.sync_runs \
         UNION ALL SELECT 'queue', count(*) FROM mailbox.notification_queue \
         UNION ALL SELECT 'notifications', count(*) FROM notification.notifications ORDER BY 1",
    )
    .load::<Count>(&admin)
    .await
    .unwrap()
    .into_iter()
    .map(|count| (count.name, count.n))
    .collect()
}
