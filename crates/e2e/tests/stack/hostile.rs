//! Bad input on every route that is built: 4xx problem+json, nothing changed, never a 5xx.

mod bodies;
mod committed;
mod fingerprint;
mod ids;
mod intake;
mod operations;
mod queries;
mod row;
mod stage;

use std::net::Ipv4Addr;

use postrider_e2e::client::{Answer, http_from};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use operations::Operation;
use row::Row;
use stage::Stage;

const PROBLEM: &str = "application/problem+json";
/// Requests without a valid token from one address; the gateway allows it 60 a minute.
const FROM_ONE_ADDRESS: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn every_documented_route_refuses_bad_input() {
    let stage = Stage::set().await;
    let operations = operations::all(&stage.document());
    let before = fingerprint::at_rest(&stage.world).await;
    let mut rows = Vec::new();
    for operation in &operations {
        rows.extend(ids::rows(operation, &stage));
        rows.extend(queries::rows(operation, &stage));
        rows.extend(bodies::rows(operation, &stage));
    }
    rows.extend(intake::rows(&stage).await);
    rows.extend(strangers());
    assert!(rows.len() > 450, "only {} requests", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        wrong.extend(row.judge(&stage.account.client).await);
    }
    let found = wrong.len();
    assert!(
        wrong.is_empty(),
        "{found} of {} bad requests were not refused as they should:\n{}",
        rows.len(),
        wrong.join("\n")
    );
    assert_eq!(fingerprint::changed(&stage.world, &before).await, Vec::<String>::new(), "bad input changed something");
}

/// What is not in the table of routes does not exist, and a method a route has not is named as such.
fn strangers() -> Vec<Row> {
    let row = |method: Method, path: &str, status: &'static [u16]| Row::new(method, path, status, "a stranger");
    vec![
        row(Method::GET, "/no/such/route", &[404]),
        row(Method::POST, "/internal/token-leases", &[404]),
        row(Method::GET, "/internal/events", &[404]),
        row(Method::GET, "/metrics", &[404]),
        row(Method::GET, "/api/v1/emails/..%2f..%2finternal%2fevents", &[404]),
        row(Method::PUT, "/api/connectors", &[405]),
        row(Method::DELETE, "/gmail/sync", &[405]),
        row(Method::TRACE, "/api/notifications", &[405]),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_that_is_not_open_wants_a_valid_token() {
    let stage = Stage::set().await;
    let operations = operations::all(&stage.document());
    let env = stage.world.stack.env_of(postrider_cli::stack::Member::Gateway).unwrap();
    let other_key = [("JWT_SECRET".to_owned(), "x".repeat(64))].into_iter().collect();
    let forged = postrider_cli::token::issue(&other_key, "acme", "ann", postrider_cli::token::DAY).unwrap();
    let keys: Vec<_> = env.keys().filter(|name| name.starts_with("JWT_")).collect();
    assert_eq!(keys, ["JWT_SECRET"], "the forged token differs in its key alone");
    let google = stage.world.sim.sign(json!({"sub": "ann", "tenant_id": "acme", "exp": 4_000_000_000_i64})).await;
    let tokens = [None, Some("garbage"), Some(forged.expose()), Some(google.as_str())];
    let requests = operations
        .iter()
        .filter(|operation| !operation.open)
        .flat_map(|operation| tokens.iter().map(move |token| (operation, *token)));
    let before = fingerprint::at_rest(&stage.world).await;
    let mut from = Vec::new();
    for (n, (operation, token)) in requests.enumerate() {
        if n % FROM_ONE_ADDRESS == 0 {
            let last = u8::try_from(2 + n / FROM_ONE_ADDRESS).unwrap();
            from.push(http_from(Ipv4Addr::new(127, 0, 1, last)));
        }
        let request = from
            .last()
            .unwrap()
            .request(operation.method.clone(), format!("{}{}", stage.world.origin(), operation.real_path(&stage)));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let answer = Answer::to(request.json(&bodies::good(operation, &stage).unwrap_or_else(|| json!({})))).await;
        let what = format!("{operation} with {token:?}: {answer:?}");
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}");
        assert_eq!(answer.content_type, PROBLEM, "{what}");
        assert!(answer.headers.contains_key("www-authenticate"), "{what}");
    }
    assert!(from.len() > 1);
    // Another tenant's or user's name in a header is refused, not followed.
    for operation in operations.iter().filter(|operation| !operation.open) {
        for (name, value) in [("x-tenant-id", "globex"), ("x-user-id", "bob")] {
            let request = stage.account.client.request(operation.method.clone(), &operation.real_path(&stage));
            let answer = Answer::to(request.header(name, value)).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{operation} as {value}: {answer:?}");
            assert_eq!(answer.content_type, PROBLEM, "{operation} as {value}: {answer:?}");
        }
    }
    assert_eq!(fingerprint::changed(&stage.world, &before).await, Vec::<String>::new(), "a stranger changed something");
}

/// Everybody's own schemas must survive the merge: bodies are told apart by their members.
#[tokio::test(flavor = "multi_thread")]
async fn the_document_describes_the_bodies_the_routes_take() {
    let stage = Stage::set().await;
    let document = stage.document();
    let mut wrong = Vec::new();
    for operation in operations::all(&document) {
        let Some(good) = bodies::good(&operation, &stage) else { continue };
        let known = operation.body_members(&document);
        let unknown: Vec<&String> =
            good.as_object().into_iter().flat_map(|good| good.keys()).filter(|name| !known.contains(*name)).collect();
        if !unknown.is_empty() {
            wrong.push(format!("{operation} takes {unknown:?}, its schema knows {known:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let stale = committed::differences(&document);
    assert!(stale.is_empty(), "docs/openapi.json is not current, `make openapi` writes it anew: {stale:#?}");
    assert!(document.pointer("/components/schemas").and_then(Value::as_object).is_some_and(|all| all.len() > 20));
}

impl Operation {
    /// Its path with ids that exist.
    fn real_path(&self, stage: &Stage) -> String {
        ids::real(&self.path, stage)
    }
}
