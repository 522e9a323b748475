//! One click ends mails (RFC 8058).

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{at_home, raised};
use crate::harness::SOON;

#[tokio::test(flavor = "multi_thread")]
async fn unsubscribing_takes_one_click_and_writes_the_preferences() {
    let (server, _world, replica, account) = at_home().await;
    let preferences = "/api/notifications/preferences";
    let body = json!({ "channels": ["in_app", "email"], "digestFrequency": "weekly" });
    replica.call(replica.request(&account, Method::PUT, preferences).json(&body), StatusCode::OK).await;
    raised(&replica, &account).await;
    let config = json!({ "connector_id": account.id });
    let trigger = json!({ "name": "all", "type": "email", "config": config, "deliver": [{ "channel": "email" }] });
    let trigger = replica.request(&account, Method::POST, "/api/triggers").json(&trigger);
    let trigger = replica.call(trigger, StatusCode::CREATED).await;
    let mail = server.took(1).await.remove(0);
    let status =
        async || replica.get(&account, "/api/notifications").await["data"][0]["deliveryStatus"]["email"].clone();
    postrider_testing::eventually("the mail's end", SOON, || async { (status().await == "delivered").then_some(()) })
        .await;
    let link = mail.header("List-Unsubscribe");
    let path = link.trim_matches(['<', '>']).strip_prefix("https://mail.example.com").unwrap().to_owned();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let open = async |method: Method, path: &str| {
        let answer = client.request(method, format!("{}{path}", replica.api)).body("List-Unsubscribe=One-Click");
        let answer = answer.send().await.unwrap();
        (answer.status(), answer.headers().clone(), answer.text().await.unwrap())
    };
    let values = async || replica.get(&account, preferences).await["data"].clone();
    let (status, headers, page) = open(Method::GET, &path).await;
    assert!(status == StatusCode::OK && page.contains("<form method=\"post\""), "{page}");
    assert_eq!(
        (&headers["referrer-policy"], &headers["cache-control"]),
        (&"no-referrer".parse().unwrap(), &"no-store".parse().unwrap())
    );
    assert_eq!(values().await["channels"], json!(["in_app", "email"]));
    for _twice in 0..2 {
        let (status, _, page) = open(Method::POST, &path).await;
        assert!(status == StatusCode::OK && page.contains("Unsubscribed"), "{page}");
        assert_eq!(
            (&values().await["channels"], &values().await["digestFrequency"]),
            (&json!(["in_app"]), &json!("weekly"))
        );
    }
    // Triggers that mail beside what the preferences say do so no more.
    let path_of_trigger = format!("/api/triggers/{}", trigger["id"].as_str().unwrap());
    assert_eq!(
        (&trigger["deliver"], &replica.get(&account, &path_of_trigger).await["deliver"]),
        (&json!([{ "channel": "email" }]), &json!([]))
    );
    // A token whose last letter is another one, one of nobody, and one for something else.
    let changed = format!("{}{}", path.get(..path.len() - 1).unwrap(), if path.ends_with('A') { 'E' } else { 'A' });
    for bad in [changed.as_str(), "/api/notifications/unsubscribe/x", "/api/notifications/unsubscribe/a.b"] {
        for method in [Method::GET, Method::POST] {
            let (status, _, text) = open(method, bad).await;
            assert!(status == StatusCode::NOT_FOUND && text.contains("link_invalid"), "{bad}: {text}");
        }
    }
}
