//! `postrider reparse`: stored mail is read again by the worker that runs, and the command follows it to its end.

use std::process::Output;
use std::time::Duration;

use postrider_cli::demo::sign_in;
use postrider_cli::progress;
use postrider_cli::stack::Member;
use postrider_storage::{Value as Column, sql};
use serde_json::{Value, json};

use crate::world::World;

/// What a reader makes of the mails, as one text.
const CONTENT: &str = "SELECT md5(string_agg(concat_ws('|', message_id, subject, sender_email, text, html, parser_version), '' \
    ORDER BY message_id)) AS value FROM mailbox.emails";

async fn content(world: &World) -> String {
    postrider_storage::Statement::dynamic(CONTENT.to_owned())
        .get_result::<Column<String>>(&world.db.admin().await)
        .await
        .unwrap()
        .0
}

/// The command as an operator runs it beside the stack.
async fn reparse(world: &World, args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_postrider"));
    command.arg("reparse").args(args).env_clear().current_dir(folder.path()).kill_on_drop(true);
    let url = &world.stack.options().database_url;
    let run = command.env("DATABASE_URL", url.expose()).env("PATH", "/usr/bin:/bin").output();
    tokio::time::timeout(Duration::from_secs(150), run).await.expect("it ends").unwrap()
}

async fn told(world: &World, args: &[&str]) -> String {
    let output = reparse(world, args).await;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?}: {told} {}", String::from_utf8_lossy(&output.stderr));
    told
}

async fn as_json(world: &World, args: &[&str]) -> Value {
    let told = told(world, args).await;
    serde_json::from_str(&told).unwrap_or_else(|error| panic!("{args:?}: {told}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_mail_is_read_again_and_followed_to_its_end() {
    let world = World::start(&[("GMAIL_SIM_MAILBOXES", "a@example.com:40")]).await;
    let token = world.stack.token("t", "u").unwrap();
    sign_in(&world.stack.url(Member::Gateway), &token, "a@example.com", None).await.unwrap();
    let gateway = world.gateway();
    let account = gateway.connector_of("a@example.com").await.unwrap().unwrap();
    progress::follow_all(&gateway, &account.id, Duration::from_secs(60)).await.unwrap();
    let fresh = content(&world).await;
    // As an older reader left it. Nothing is read again until somebody asks.
    let admin = world.db.admin().await;
    let aged = sql("UPDATE mailbox.emails SET parser_version = 0, subject = 'read wrongly', text = 'read wrongly'");
    assert_eq!(aged.execute(&admin).await.unwrap(), 40);
    let status = told(&world, &["--status"]).await;
    assert!(status.contains("0 of 1 accounts are left"), "{status}");
    // Accounts that are not there are none.
    let nobody = ["--connector", "00000000-0000-7000-8000-000000000000"];
    let none = as_json(&world, &[&nobody[..], &["--json"]].concat()).await;
    assert_eq!(none, json!({"accounts_left": 0, "accounts": 0, "mails_done": 0, "mails": 0}));
    assert_ne!(content(&world).await, fresh);
    // Asked for, and not waited for: it is marked, and the worker comes to it.
    let asked = as_json(&world, &["--json"]).await;
    assert_eq!((&asked["accounts_left"], &asked["accounts"]), (&json!(1), &json!(1)), "{asked}");
    let ended = told(&world, &["--connector", &account.id.to_string()]).await;
    assert!(
        ended.contains("the stored mail of 1 accounts") && ended.contains("done, 40 mails of 1 accounts"),
        "{ended}"
    );
    assert_eq!(content(&world).await, fresh);
    assert_eq!(as_json(&world, &["--status", "--json"]).await["accounts_left"], 0);
}
