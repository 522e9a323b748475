//! Programs of users: the examples as they stand in the repository, and writes that are repeated while the gateway dies.

use std::time::Duration;

use futures_util::future::join_all;
use postrider_cli::stack::Member;
use postrider_e2e::program::Program;
use postrider_e2e::{Account, World};
use postrider_testing::services::workspace_root;
use reqwest::Method;
use serde_json::json;
use tokio::process::Command;

/// One world for all of it: starting one takes longer than the rest.
#[tokio::test(flavor = "multi_thread")]
async fn the_examples_follow_a_mailbox_and_a_repeated_write_has_one_effect() {
    let mut world = World::start().await;
    let address = "clients@example.com";
    world.sim.mailbox(address, 20, 3).await;
    let account = Account::connect(&world, "acme", "cleo", address).await;
    account.first_sync(&world, Duration::from_secs(120)).await;
    follow(&world, &account).await;
    repeat(&mut world).await;
}

async fn follow(world: &World, account: &Account) {
    let made = account.client.post("/api/v1/api-keys", json!({"name": "examples", "scopes": ["read", "write"]})).await;
    let key = made["key"].as_str().expect("a key").to_owned();
    let examples = workspace_root().join("examples");
    let python = workspace_root().join(".run/examples-python/bin/python");
    let tsx = examples.join("typescript/node_modules/tsx");
    assert!(python.is_file() && tsx.is_dir(), "run scripts/example-tools.sh (make test does)");
    // As `npm run follow` does, without a shell and an npm between.
    let node = ("typescript", "node".into(), ["--import", "tsx", "follow.ts"].as_slice());
    let programs: Vec<Program> = [node, ("python", python, ["follow.py"].as_slice())]
        .into_iter()
        .map(|(name, runner, arguments)| {
            let mut command = Command::new(runner);
            command.args(arguments).current_dir(examples.join(name));
            command.env("POSTRIDER_URL", world.origin()).env("POSTRIDER_API_KEY", &key);
            Program::start(name, &mut command)
        })
        .collect();
    for program in &programs {
        assert_eq!(program.says("mailbox ").await, account.address);
        assert_eq!(program.says("following ").await, account.user);
        assert_eq!(program.lines().iter().filter(|line| line.starts_with("mail ")).count(), 5);
    }
    let live = world.sim.deliver(&account.address, 1).await;
    let mail = account.client.get(&format!("/api/v1/emails?message_id={}", live[0])).await;
    assert!(mail["data"].is_array());
    for program in &programs {
        let said = program.says("new ").await;
        assert!(said.contains(": ") && !said.ends_with("(while away)"), "{said}");
    }
}

/// Fifty at once, the gateway killed among them, and repeats until each was answered: one notification.
async fn repeat(world: &mut World) {
    let client = world.client("acme", "cleo");
    let body = json!({"title": "once", "message": "and not twice"});
    let ask = |client: postrider_e2e::client::Client| {
        let body = body.clone();
        async move {
            let request = client.request(Method::POST, "/api/notifications").header("idempotency-key", "e2e-once");
            let answer = request.json(&body).timeout(Duration::from_secs(10)).send().await.ok()?;
            let (status, replayed) = (answer.status().as_u16(), answer.headers().contains_key("idempotency-replayed"));
            let body: serde_json::Value = answer.json().await.ok()?;
            Some((status, replayed, body["data"]["id"].clone()))
        }
    };
    let first = join_all((0..50).map(|_| ask(client.clone())));
    let kill = async {
        tokio::time::sleep(Duration::from_millis(15)).await;
        world.stack.kill9(Member::Gateway, 0).await.expect("the gateway runs");
    };
    let (answered, ()) = tokio::join!(first, kill);
    let answered: Vec<_> = answered.into_iter().flatten().collect();
    assert!(answered.iter().all(|(status, ..)| matches!(status, 201 | 409)), "{answered:?}");
    world.restart(Member::Gateway).await;
    // A claim that the dead gateway left runs out after a minute.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(90);
    let last = loop {
        match ask(client.clone()).await {
            Some((201, _, id)) => break id,
            Some((409, ..)) | None if tokio::time::Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            other => panic!("{other:?}"),
        }
    };
    for (status, _, id) in answered {
        assert!(status == 409 || id == last, "{id} and {last}");
    }
    let again = ask(client.clone()).await.expect("an answer");
    assert_eq!(again, (201, true, last));
    let list = client.get("/api/notifications?type=custom&limit=100").await;
    assert_eq!(list["pagination"]["total"], 1, "{list}");
}
