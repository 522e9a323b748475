//! The OpenAPI document names every route with its methods.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::harness::World;

#[tokio::test(flavor = "multi_thread")]
async fn every_route_is_described() {
    let world = World::new().await;
    let document = world.http.get(format!("{}/openapi.json", world.replica.base)).send().await.unwrap();
    let document: Value = document.json().await.unwrap();
    let described: BTreeSet<String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| methods.as_object().unwrap().keys().map(move |method| format!("{method} {path}")))
        .collect();
    let routes = [
        "delete /api/connectors/{connector_id}",
        "delete /api/v1/connect-links/{link_id}",
        "get /api/connectors",
        "get /api/connectors/{connector_id}",
        "get /api/system/info",
        "get /api/v1/connect-links",
        "get /connect/{token}",
        "get /gmail/auth/callback",
        "get /gmail/auth/url",
        "patch /api/connectors/{connector_id}",
        "post /api/auth/google/gmail",
        "post /api/connectors",
        "post /api/v1/connect-links",
        "post /api/v1/gmail/watch/start",
        "post /api/v1/gmail/watch/stop",
        "post /connect/{token}",
        "post /gmail/auth/callback",
        "post /internal/connect-links",
        "post /internal/refusals",
        "post /internal/token-leases",
    ];
    assert_eq!(described, routes.map(str::to_owned).into());
}
