//! A backup brought back into a new server by the script that docs/operations.md names: every row is there, and the services
//! that start on it with the kept keys go on where the old ones stopped.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use postrider_cli::demo::sign_in;
use postrider_cli::gateway::Gateway;
use postrider_cli::progress;
use postrider_cli::stack::{Member, Stack};
use postrider_domain::Secret;
use postrider_gmail_sim::{MailboxSpec, SimConfig, SimServer};
use postrider_storage::inspect::Inspection;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use crate::world::{World, free_base};

const LONG: Duration = Duration::from_secs(60);
const SCHEMAS: &str = "'gateway', 'ingest', 'connector', 'mailbox', 'notification'";

/// A Postgres server of its own, ended and deleted with the value.
struct Server {
    dir: TempDir,
    url: Secret,
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts").join(name)
}

impl Server {
    async fn start() -> Self {
        let dir = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let mut up = Command::new(script("services.sh"));
        up.args(["up", "--only", "postgres", "--port-base", &(free_base() + 700).to_string(), "--dir"]).arg(dir.path());
        well(&mut up).await;
        let text = std::fs::read_to_string(dir.path().join("services.env")).unwrap();
        let url = text.lines().find_map(|line| line.strip_prefix("DATABASE_URL=")).unwrap();
        Self { url: Secret::new(url), dir }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let wiped =
            std::process::Command::new(script("services.sh")).args(["wipe", "--dir"]).arg(self.dir.path()).output();
        assert!(wiped.is_ok_and(|wiped| wiped.status.success()) || std::thread::panicking());
    }
}

/// What a command says, if it does what it should.
async fn well(command: &mut Command) -> String {
    let output = tokio::time::timeout(2 * LONG, command.output()).await.expect("it ends").unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{command:?}: {said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

fn backup(what: &str, file: &Path, url: &Secret) -> Command {
    let mut command = Command::new(script("backup.sh"));
    command.arg(what).arg(file).env("DATABASE_URL", url.expose()).kill_on_drop(true);
    // A folder without a checkout: the settings are those given here alone.
    command.env("POSTRIDER", env!("CARGO_BIN_EXE_postrider")).current_dir("/");
    command
}

/// Every table of the services: how many rows, and a sum of all that stands in them. Tables of migrations grow by none.
async fn content(url: &Secret) -> BTreeMap<String, String> {
    let database = Inspection::open(url, None).await.unwrap();
    let tables = format!(
        "SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname IN ({SCHEMAS})"
    );
    let mut content = BTreeMap::new();
    for table in database.rows(&tables).await.unwrap().into_iter().flatten().flatten() {
        let sum = format!("SELECT count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM {table} t");
        let row = database.row(&sum).await.unwrap();
        content.insert(table, row.into_iter().next().flatten().unwrap());
    }
    content
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_brought_back_into_a_new_server_and_the_services_go_on() {
    let config = SimConfig { mailboxes: vec![MailboxSpec::new("me@example.com", 30)], ..SimConfig::default() };
    let (id, secret) = (config.oauth.client_id.clone(), config.oauth.client_secret.clone());
    let google = SimServer::start(config).await.unwrap();
    let at = |path: &str| format!("{}{path}", google.base_url());
    let mut world = World::without_simulator(&[
        ("GOOGLE_CLIENT_ID", &id),
        ("GOOGLE_CLIENT_SECRET", &secret),
        ("GOOGLE_AUTH_URL", &at("/o/oauth2/v2/auth")),
        ("GOOGLE_TOKEN_URL", &at("/token")),
        ("GOOGLE_REVOKE_URL", &at("/revoke")),
        ("GOOGLE_JWKS_URL", &at("/oauth2/v3/certs")),
        ("GMAIL_API_URL", &at("/")),
    ])
    .await;
    let token = world.stack.token("t", "u").unwrap();
    sign_in(&world.stack.url(Member::Gateway), &token, "me@example.com", None).await.unwrap();
    let gateway = world.gateway();
    let account = gateway.connector_of("me@example.com").await.unwrap().unwrap();
    progress::follow_all(&gateway, &account.id, LONG).await.unwrap();
    let key = json!({"name": "kept"});
    let key = gateway.call(Method::POST, "/api/v1/api-keys", &[], Some(key)).await.unwrap();
    world.stack.stop_all(LONG).await;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("postrider.dump");
    let said = well(&mut backup("make", &file, &world.db.admin_url)).await;
    assert!(said.contains("ENCRYPTION_KEYS"), "{said}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let twice = backup("make", &file, &world.db.admin_url).output().await.unwrap();
    assert!(!twice.status.success() && String::from_utf8_lossy(&twice.stderr).contains("there already"));

    let server = Server::start().await;
    well(&mut backup("restore", &file, &server.url)).await;
    let (before, after) = (content(&world.db.admin_url).await, content(&server.url).await);
    assert!(before.len() > 40 && before["mailbox.emails"].starts_with("30 "), "{before:#?}");
    assert_eq!(before, after);
    // Nothing is ever restored over something.
    let again = backup("restore", &file, &server.url).output().await.unwrap();
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("is not empty"));
    assert_eq!(content(&server.url).await, after);

    the_services_go_on(&world, &server, &google, key["key"].as_str().unwrap()).await;
}

/// With the keys of before: the consent is opened, a mail that came meanwhile is fetched, an API key still holds.
async fn the_services_go_on(world: &World, server: &Server, google: &SimServer, key: &str) {
    let mail = json!({"account": "me@example.com", "subject": "Meanwhile"});
    let delivered = world.http.post(format!("{}/_sim/deliver", google.base_url())).json(&mail).send().await.unwrap();
    assert!(delivered.status().is_success());
    let mut options = world.stack.options().clone();
    options.database_url = server.url.clone();
    let mut stack = Stack::new(options).unwrap();
    stack.start_all(|_| ()).await.unwrap();
    let gateway = Gateway::new(stack.url(Member::Gateway), Secret::new(key)).unwrap();
    let asked = gateway.call(Method::POST, "/gmail/sync", &[], Some(json!({"force_full_sync": false}))).await.unwrap();
    progress::follow(&gateway, asked["sync_run_id"].as_str().unwrap()).await.unwrap();
    let mails: Value = gateway.get("/api/v1/emails", &[("limit", "100")]).await.unwrap();
    let mails = mails["data"].as_array().unwrap();
    assert_eq!(mails.len(), 31);
    assert!(mails.iter().any(|mail| mail["subject"] == "Meanwhile"));
    stack.stop_all(LONG).await;
}
