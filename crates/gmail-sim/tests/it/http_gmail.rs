//! The Gmail API over HTTP in Google's own shape.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use postrider_domain::Clock;
use postrider_gmail_sim::{Deliver, Kind};
use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{ADDRESS, Client, start};

fn decoded(value: &Value) -> Vec<u8> {
    URL_SAFE.decode(value.as_str().unwrap()).unwrap()
}

async fn some_id(client: &Client) -> String {
    let page = client.gmail("/messages?maxResults=1").await;
    page["messages"][0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn listing_pages_to_the_end_and_profile_agrees() {
    let client = start(1_203, |_| ()).await;
    let mut ids = Vec::new();
    let mut token = String::new();
    loop {
        let page = client.gmail(&format!("/messages?maxResults=500&includeSpamTrash=true&pageToken={token}")).await;
        ids.extend(page["messages"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()));
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    let profile = client.gmail("/profile").await;
    assert_eq!((ids.len(), &profile["messagesTotal"]), (1_203, &json!(1_203)));
    assert!(profile["historyId"].is_string() && profile["emailAddress"] == ADDRESS);
    let truth = client.server.world().truth(ADDRESS).unwrap();
    assert!(ids.iter().all(|id| truth.contains_key(id)));
    assert_eq!(client.refused("/messages?pageToken=nonsense").await.0, 400);
    assert_eq!(client.refused("/messages?maxResults=many").await.0, 400);
}

#[tokio::test]
async fn four_formats_of_one_message() {
    let client = start(0, |_| ()).await;
    let mail = Deliver { subject: Some("Grüße".into()), kind: Some(Kind::Attachments), ..Deliver::default() };
    let id = client.server.world().deliver(ADDRESS, mail).unwrap();

    let raw = client.gmail(&format!("/messages/{id}?format=raw")).await;
    let bytes = decoded(&raw["raw"]);
    assert_eq!(raw["sizeEstimate"], json!(bytes.len()));
    assert!(raw.get("payload").is_none());
    assert_eq!(raw["internalDate"], client.clock.now().timestamp_millis().to_string());

    let full = client.gmail(&format!("/messages/{id}")).await;
    let parts = full["payload"]["parts"].as_array().unwrap();
    assert_eq!(
        (&full["payload"]["mimeType"], &parts[0]["mimeType"]),
        (&json!("multipart/mixed"), &json!("text/plain"))
    );
    let text = String::from_utf8(decoded(&parts[0]["body"]["data"])).unwrap();
    assert!(!text.is_empty());
    let file = &parts[1];
    assert!(!file["filename"].as_str().unwrap().is_empty());
    let attachment = file["body"]["attachmentId"].as_str().unwrap();
    let fetched = client.gmail(&format!("/messages/{id}/attachments/{attachment}")).await;
    assert_eq!(decoded(&fetched["data"]).len(), file["body"]["size"].as_u64().unwrap() as usize);
    let again = client.gmail(&format!("/messages/{id}")).await;
    assert_ne!(again["payload"]["parts"][1]["body"]["attachmentId"], attachment, "changes from get to get");

    let metadata =
        client.gmail(&format!("/messages/{id}?format=metadata&metadataHeaders=Subject&metadataHeaders=from")).await;
    let names: Vec<_> =
        metadata["payload"]["headers"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    assert_eq!(names, [json!("From"), json!("Subject")]);
    let minimal = client.gmail(&format!("/messages/{id}?format=MINIMAL")).await;
    assert!(minimal.get("payload").is_none() && minimal.get("raw").is_none());
    assert_eq!(minimal["historyId"], client.gmail("/profile").await["historyId"]);
    assert_eq!(minimal["snippet"], raw["snippet"]);
}

#[tokio::test]
async fn every_kind_of_mail_has_a_tree_of_parts() {
    let client = start(0, |_| ()).await;
    for kind in Kind::ALL {
        let id = client.server.world().deliver(ADDRESS, Deliver { kind: Some(kind), ..Deliver::default() }).unwrap();
        let full = client.gmail(&format!("/messages/{id}")).await;
        assert!(full["payload"]["headers"].as_array().unwrap().len() > 3, "{kind:?}");
    }
}

#[tokio::test]
async fn history_has_googles_shape() {
    let client = start(0, |_| ()).await;
    let start = client.gmail("/profile").await["historyId"].as_str().unwrap().to_owned();
    let empty = client.gmail(&format!("/history?startHistoryId={start}")).await;
    assert_eq!(empty, json!({"historyId": start}));

    let world = client.server.world();
    let id = world.deliver(ADDRESS, Deliver::default()).unwrap();
    world.trash(ADDRESS, id).unwrap();
    world.delete(ADDRESS, id).unwrap();
    let page = client.gmail(&format!("/history?startHistoryId={start}")).await;
    let records = page["history"].as_array().unwrap();
    let id = id.to_string();
    assert_eq!(records[0]["messagesAdded"][0]["message"]["id"], id);
    assert_eq!(records[0]["messages"], json!([{"id": id, "threadId": id}]));
    assert_eq!(records[1]["labelsAdded"][0]["labelIds"], json!(["TRASH"]));
    assert_eq!(records[1]["labelsRemoved"][0]["labelIds"], json!(["INBOX"]));
    assert_eq!(records[2]["messagesDeleted"][0]["message"]["threadId"], id);
    assert_eq!(records[2]["id"], page["historyId"]);
    let only = client.gmail(&format!("/history?startHistoryId={start}&historyTypes=messageDeleted")).await;
    assert_eq!(only["history"].as_array().unwrap().len(), 1);
    let paged = client.gmail(&format!("/history?startHistoryId={start}&maxResults=2")).await;
    let next = paged["nextPageToken"].as_str().unwrap();
    let rest = client.gmail(&format!("/history?startHistoryId={start}&maxResults=2&pageToken={next}")).await;
    assert_eq!(rest["history"].as_array().unwrap().len(), 1);

    world.expire_history(ADDRESS, 0).unwrap();
    let (status, body) = client.refused(&format!("/history?startHistoryId={start}")).await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (404, &json!("notFound")));
    assert_eq!(client.refused("/history").await.0, 400);
}

#[tokio::test]
async fn changes_by_the_api_and_labels() {
    let client = start(3, |_| ()).await;
    let id = some_id(&client).await;
    let post = |path: String, body: Value| {
        let client = &client;
        async move { client.call(Method::POST, &format!("/gmail/v1/users/me{path}"), Some(body)).await }
    };
    let modified = post(format!("/messages/{id}/modify"), json!({"addLabelIds": ["STARRED", "Label_2"]})).await;
    let labels = modified.json::<Value>().await.unwrap()["labelIds"].clone();
    assert!(labels.as_array().unwrap().contains(&json!("Label_2")), "{labels}");
    assert_eq!(post(format!("/messages/{id}/modify"), json!({"addLabelIds": ["Nope"]})).await.status(), 400);
    assert_eq!(post(format!("/messages/{id}/trash"), json!({})).await.status(), 200);
    assert!(client.server.world().truth(ADDRESS).unwrap()[&id].labels.contains("TRASH"));
    assert_eq!(post(format!("/messages/{id}/untrash"), json!({})).await.status(), 200);
    let gone = client.call(Method::DELETE, &format!("/gmail/v1/users/me/messages/{id}"), None).await;
    assert_eq!((gone.status().as_u16(), client.refused(&format!("/messages/{id}")).await.0), (204, 404));

    let raw = URL_SAFE.encode("From: a@example.org\r\nDate: Mon, 5 Jan 2015 10:00:00 +0000\r\nSubject: old\r\n\r\nhi");
    let imported = post("/messages/import".into(), json!({"raw": raw, "labelIds": ["INBOX"]})).await;
    let imported: Value = imported.json().await.unwrap();
    let found = client.gmail(&format!("/messages/{}?format=minimal", imported["id"].as_str().unwrap())).await;
    assert_eq!(found["internalDate"], "1420452000000");
    assert_eq!(found["snippet"], "hi");
    assert_eq!(post("/messages".into(), json!({"raw": "", "labelIds": []})).await.status(), 400);

    let labels = client.gmail("/labels").await;
    let nested = labels["labels"].as_array().unwrap().iter().find(|label| label["id"] == "Label_2").unwrap();
    assert_eq!((&nested["name"], &nested["type"]), (&json!("Work/Invoices"), &json!("user")));
    assert!(client.gmail("/labels/INBOX").await["messagesTotal"].is_u64());
    assert_eq!(client.refused("/labels/Label_99").await.0, 404);
}

#[tokio::test]
async fn tokens_scopes_and_users_are_checked() {
    let mut client = start(1, |_| ()).await;
    let id = some_id(&client).await;
    let account = client.server.world().account(ADDRESS).unwrap();
    let as_scope = |scope: &str| client.server.sim().oauth.issue_access(&account, &[scope], client.clock.now());
    let metadata = as_scope("https://www.googleapis.com/auth/gmail.metadata");
    let readonly = as_scope("https://www.googleapis.com/auth/gmail.readonly");
    assert_eq!(client.call(Method::GET, "/gmail/v1/users/other@example.com/profile", None).await.status(), 403);
    assert_eq!(client.call(Method::GET, &format!("/gmail/v1/users/{ADDRESS}/profile"), None).await.status(), 200);

    client.token = metadata;
    client.gmail(&format!("/messages/{id}?format=minimal")).await;
    assert_eq!(client.refused(&format!("/messages/{id}?format=raw")).await.0, 403);
    client.token = readonly;
    client.gmail(&format!("/messages/{id}?format=raw")).await;
    let refused = client.call(Method::POST, &format!("/gmail/v1/users/me/messages/{id}/trash"), None).await;
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["errors"][0]["reason"], "insufficientPermissions");
    assert_eq!((&body["error"]["code"], &body["error"]["status"]), (&json!(403), &json!("PERMISSION_DENIED")));

    client.clock.advance(chrono::TimeDelta::hours(1));
    let (status, body) = client.refused("/profile").await;
    assert_eq!((status, &body["error"]["errors"][0]["reason"]), (401, &json!("authError")));
}

#[tokio::test]
async fn http_2_without_tls_works() {
    let client = start(1, |_| ()).await;
    let http = reqwest::Client::builder().http2_prior_knowledge().no_proxy().build().unwrap();
    let url = format!("{}/gmail/v1/users/me/profile", client.server.base_url());
    let answer = http.get(url).bearer_auth(&client.token).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_2));
}
