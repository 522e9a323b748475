//! Quotas and fault rules over HTTP.

use postrider_gmail_sim::Quota;
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{ADDRESS, start};

#[tokio::test]
async fn the_quota_of_2026_stops_the_301st_get() {
    let client = start(1, |config| config.quota = Quota { per_user: Some(45), ..Quota::gmail_2026() }).await;
    let id = client.server.world().truth(ADDRESS).unwrap().keys().next().unwrap().clone();
    client.gmail(&format!("/messages/{id}?format=minimal")).await;
    client.gmail(&format!("/messages/{id}?format=minimal")).await;
    let (status, body) = client.refused(&format!("/messages/{id}")).await;
    assert!(matches!(status, 403 | 429));
    assert_eq!(body["error"]["errors"][0]["domain"], "usageLimits");
    client.sim(Method::POST, "/clock", json!({"advance_ms": 60_000})).await;
    client.gmail(&format!("/messages/{id}")).await;
    let stats = client.call(Method::GET, "/_sim/stats", None).await.json::<Value>().await.unwrap();
    assert_eq!((&stats["units"], &stats["methods"]["messages.get"]["calls"]), (&json!(60), &json!(4)));
}

#[tokio::test]
async fn rules_fail_delay_and_cut() {
    let client = start(1, |_| ()).await;
    let id = client.server.world().truth(ADDRESS).unwrap().keys().next().unwrap().clone();
    let rule = json!({"method": "messages.get", "status": 429, "reason": "userRateLimitExceeded", "count": 1, "retry_after": 30, "retry_after_text": 30});
    client.sim(Method::POST, "/faults", rule).await;
    let answer = client.call(Method::GET, &format!("/gmail/v1/users/me/messages/{id}"), None).await;
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().unwrap()), (429, "30"));
    let body: Value = answer.json().await.unwrap();
    assert!(body["error"]["message"].as_str().unwrap().ends_with("Retry after 2026-01-01T00:00:30.000Z"), "{body}");
    client.gmail(&format!("/messages/{id}")).await;

    client.sim(Method::POST, "/faults", json!({"message": id, "truncate": true, "count": 1})).await;
    let cut = client.call(Method::GET, &format!("/gmail/v1/users/me/messages/{id}"), None).await;
    assert!(cut.bytes().await.is_err(), "the body breaks off");

    client
        .sim(Method::POST, "/faults", json!({"method": "oauth.token", "status": 400, "reason": "invalid_grant"}))
        .await;
    let token =
        client.http.post(format!("{}/token", client.server.base_url())).form(&[("grant_type", "refresh_token")]);
    assert_eq!(token.send().await.unwrap().json::<Value>().await.unwrap()["error"], "invalid_grant");
    let rules = client.call(Method::GET, "/_sim/faults", None).await.json::<Value>().await.unwrap();
    assert_eq!(rules[0]["hits"], 1);
    client.call(Method::DELETE, "/_sim/faults", None).await;
    assert!(client.server.sim().gate.rules().is_empty());
}
