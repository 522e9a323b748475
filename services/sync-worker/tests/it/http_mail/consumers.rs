//! What consumers write beside a mail: `processed` and references.

use postrider_gmail_sim::MsgId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::http_world::{ANN, Account, Answer, BEN, World};

/// The mails of the mailbox as Gmail names them.
fn gmail_ids(world: &World) -> Vec<MsgId> {
    world.sim.world().truth(ANN).unwrap().keys().map(|id| id.parse().unwrap()).collect()
}

async fn ours(world: &World, ann: &Account) -> Vec<String> {
    let mut ids = Vec::new();
    for id in gmail_ids(world) {
        ids.push(world.email_id(ann, id).await);
    }
    ids
}

async fn write(world: &World, who: &Account, method: Method, path: &str) -> Answer {
    Answer::of(world.request(who, "read write", method, path)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn processed_is_set_and_unset_alone_and_together() {
    let (world, ann) = World::with_account(3).await;
    let ids = ours(&world, &ann).await;
    let one = format!("/api/v1/emails/{}/processed", ids[0]);
    for processed in [true, true, false] {
        let answer = world.post(&ann, &one, Some(json!({"processed": processed}))).await;
        assert_eq!((answer.status, &answer.body), (200, &json!({"id": ids[0], "processed": processed})));
        assert_eq!(world.get(&ann, &format!("/api/v1/emails/{}", ids[0])).await.body["processed"], processed);
    }
    let all = json!({"ids": [&ids[0], &ids[1], "01990000-0000-7000-8000-000000000000"], "processed": true});
    let answer = world.post(&ann, "/api/v1/emails/processed", Some(all)).await;
    assert_eq!((answer.status, &answer.body), (200, &json!({"updated": 2, "total": 3})));
    let list = async |query: &str| world.get(&ann, &format!("/api/v1/emails?{query}")).await.body["data"].clone();
    assert_eq!(list("processed=true").await.as_array().map(Vec::len), Some(2));
    assert_eq!(list("processed=false").await[0]["id"], ids[2].as_str());
    // What Gmail changes of a mail leaves the consumers' flag as it is.
    let id = gmail_ids(&world)[0];
    world.sim.world().relabel(ANN, &[id], &["STARRED"], &[]).unwrap();
    world.sync(&ann).await;
    let mail = world.get(&ann, &format!("/api/v1/emails/{}", ids[0])).await.body;
    assert!(mail["processed"] == true && mail["label_ids"].as_array().unwrap().contains(&json!("STARRED")), "{mail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn references_are_put_once_and_taken_away() {
    let (world, ann) = World::with_account(1).await;
    let id = ours(&world, &ann).await.remove(0);
    let path = format!("/api/v1/emails/{id}/references/task/a%2Fb%20c");
    let first = write(&world, &ann, Method::PUT, &path).await;
    assert_eq!((first.status, &first.body["kind"], &first.body["ref"]), (201, &json!("task"), &json!("a/b c")));
    let again = write(&world, &ann, Method::PUT, &path).await;
    assert_eq!((again.status, &again.body), (200, &first.body));
    let mail = format!("/api/v1/emails/{id}");
    assert_eq!(world.get(&ann, &mail).await.body["references"], json!([first.body]));
    for _ in 0..2 {
        assert_eq!(write(&world, &ann, Method::DELETE, &path).await.status, 204);
        assert_eq!(world.get(&ann, &mail).await.body["references"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_and_strangers_change_nothing() {
    let world = World::new(&[(ANN, 1), (BEN, 1)]).await;
    let ann = world.connect("acme", "ann", ANN).await;
    let ben = world.connect("acme", "ben", BEN).await;
    let twin = world.connect("globex", "ann", ANN).await;
    let id = ours(&world, &ann).await.remove(0);
    let (flag, held) = (format!("/api/v1/emails/{id}/processed"), format!("/api/v1/emails/{id}/references/task/1"));
    let before = world.digest().await;
    for who in [&ben, &twin, &Account::stranger("acme", "nobody")] {
        world.post(who, &flag, Some(json!({"processed": true}))).await.is_problem(404, "flag");
        write(&world, who, Method::PUT, &held).await.is_problem(404, "put");
        write(&world, who, Method::DELETE, &held).await.is_problem(404, "delete");
        let bulk = world.post(who, "/api/v1/emails/processed", Some(json!({"ids": [&id], "processed": true}))).await;
        assert_eq!((bulk.status, &bulk.body), (200, &json!({"updated": 0, "total": 1})));
    }
    let many: Vec<&str> = vec![id.as_str(); 1_001];
    for body in [
        json!({}),
        json!({"ids": [], "processed": true}),
        json!({"ids": many, "processed": true}),
        json!({"ids": ["x"], "processed": true}),
        json!({"ids": [&id], "processed": "yes"}),
        json!({"ids": [&id], "processed": true, "more": 1}),
    ] {
        world.post(&ann, "/api/v1/emails/processed", Some(body.clone())).await.is_problem(422, "bulk");
    }
    for body in [json!({}), json!({"processed": null}), json!({"processed": true, "ids": []})] {
        world.post(&ann, &flag, Some(body)).await.is_problem(422, "one");
    }
    world.post(&ann, "/api/v1/emails/x/processed", Some(json!({"processed": true}))).await.is_problem(404, "id");
    let long = "r".repeat(257);
    for (kind, reference) in [("a%20b", "1"), ("task", "%0A"), ("task", long.as_str()), (long.as_str(), "1")] {
        let path = format!("/api/v1/emails/{id}/references/{kind}/{reference}");
        write(&world, &ann, Method::PUT, &path).await.is_problem(422, &path);
    }
    let read_only = world.request(&ann, "read", Method::PUT, &held);
    Answer::of(read_only).await.is_problem(403, "scope");
    let count = world.number("SELECT count(*) AS value FROM mailbox.email_references").await;
    assert_eq!((world.digest().await, count), (before, Some(0)));
    assert_eq!(world.get(&ann, "/api/v1/emails").await.body["data"][0]["processed"], Value::Bool(false));
}
