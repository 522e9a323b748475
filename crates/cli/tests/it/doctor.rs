//! The doctor looks at an installation in which one thing after the other is broken, and names each with its remedy.

mod services;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use postrider_cli::doctor::{Finding, Installation, Verdict, examine};
use postrider_cli::stack::{self, Member, Ports};
use postrider_domain::{Clock as _, MockClock, Seams, SystemClock};
use postrider_runtime::Env;
use postrider_storage::inspect::Inspection;
use postrider_storage::{Spec, migrate, sql};
use postrider_testing::db::TestDb;
use postrider_testing::{MockServer, TestVhost};
use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

const TOPIC: &str = "projects/acme/topics/gmail";

/// Database, vhost and a Google of its own; no service runs.
struct Sick {
    db: TestDb,
    _broker: TestVhost,
    google: MockServer,
    settings: BTreeMap<String, String>,
}

impl Sick {
    /// All is well: every schema is migrated, every queue is there, Google knows the client.
    async fn well() -> Self {
        postrider_runtime::tls::install();
        let (db, broker, google) =
            tokio::join!(TestDb::fresh(Spec::GATEWAY, || migrate::NONE), TestVhost::fresh(), MockServer::start());
        google_as_it_is(&google).await;
        postrider_broker::queues::declare(&broker.amqp_url()).await.unwrap();
        let mut settings = BTreeMap::new();
        for (name, value) in [
            ("DATABASE_URL", db.admin_url.expose().to_owned()),
            ("AMQP_URL", broker.amqp_url().expose().to_owned()),
            ("GOOGLE_CLIENT_ID", "id".to_owned()),
            ("GOOGLE_CLIENT_SECRET", "secret".to_owned()),
            ("GOOGLE_JWKS_URL", format!("{}/certs", google.uri())),
            ("GOOGLE_TOKEN_URL", format!("{}/token", google.uri())),
            ("GMAIL_PUBSUB_TOPIC", TOPIC.to_owned()),
            ("PUBSUB_SERVICE_ACCOUNT", "push@acme.iam.gserviceaccount.com".to_owned()),
            // Nothing listens on port 1.
            ("PORT_BASE", "1024".to_owned()),
        ] {
            settings.insert(name.to_owned(), value);
        }
        for member in Member::SERVICES {
            stack::migrate_one(&programs(), member, &settings).await.unwrap();
        }
        Self { db, _broker: broker, google, settings }
    }

    fn with(&self, name: &str, value: impl Into<String>) -> BTreeMap<String, String> {
        let mut settings = self.settings.clone();
        settings.insert(name.to_owned(), value.into());
        settings
    }

    async fn admin(&self, statement: &'static str) {
        let conn = self.db.admin().await;
        sql(statement).execute(&conn).await.unwrap();
    }
}

/// It has keys, and knows the client.
async fn google_as_it_is(google: &MockServer) {
    let keys = ResponseTemplate::new(200).set_body_json(json!({"keys": [{"kid": "1"}]}));
    Mock::given(method("GET")).and(path("/certs")).respond_with(keys).mount(google).await;
    let spent = ResponseTemplate::new(400).set_body_json(json!({"error": "invalid_grant"}));
    Mock::given(method("POST")).and(path("/token")).respond_with(spent).mount(google).await;
}

/// Where cargo puts the services' programs: `make test` has built them.
fn programs() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let folder = here.ancestors().nth(2).unwrap().to_owned();
    assert!(folder.join("postrider-gateway").is_file(), "`cargo build --bins` first");
    folder
}

async fn look(settings: &BTreeMap<String, String>) -> Vec<Finding> {
    look_at(settings, &Seams::system()).await
}

async fn look_at(settings: &BTreeMap<String, String>, seams: &Seams) -> Vec<Finding> {
    let installation = Installation {
        env: Env::from_pairs(settings.clone()),
        programs: BTreeMap::new(),
        folder: programs(),
        ports: Ports { base: 1_024 },
        data: programs(),
        management: None,
        one_process: false,
    };
    examine(&installation, seams).await
}

/// The lines that fail, without the one that says that no service runs.
fn failing(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|one| one.verdict == Verdict::Fail).collect()
}

/// Exactly these lines fail: area, words, and those of the remedy.
#[track_caller]
fn these_fail(findings: &[Finding], expected: &[(&str, &str, &str)]) {
    let failing = failing(findings);
    assert_eq!(failing.len(), expected.len(), "{failing:#?}");
    for (area, words, remedy) in expected {
        let told = |one: &&Finding| {
            one.area == *area
                && one.text.contains(words)
                && one.remedy.as_ref().is_some_and(|told| told.contains(remedy))
        };
        assert!(failing.iter().copied().any(|one| told(&one)), "{area}, {words}, {remedy}: {failing:#?}");
    }
}

/// Exactly one line fails.
#[track_caller]
fn one_fails(findings: &[Finding], area: &str, words: &str, remedy: &str) {
    these_fail(findings, &[(area, words, remedy)]);
}

/// Five schemas take seconds to migrate: one installation is broken and mended again and again.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_broken_is_named_with_its_remedy_and_nothing_else_fails() {
    let sick = Sick::well().await;
    one_thing_after_the_other(&sick).await;
    a_schema_that_is_behind_is_mended_by_the_command(&sick).await;
    services::pushes_that_do_not_fit_and_services_that_are_not_ready(&sick).await;
    the_autoscalers_query_counts_mailboxes_across_tenants(&sick).await;
    a_topic_without_a_grant(&sick).await;
}

async fn one_thing_after_the_other(sick: &Sick) {
    let findings = look(&sick.settings).await;
    assert_eq!(failing(&findings), Vec::<&Finding>::new());
    let warned: Vec<_> =
        findings.iter().filter(|one| one.verdict == Verdict::Warn).map(|one| one.text.as_str()).collect();
    assert_eq!(warned, ["none runs"], "{findings:#?}");
    for area in [
        "settings",
        "postgres",
        "clock",
        "rabbitmq",
        "dead letters",
        "watches",
        "mailboxes",
        "outbox",
        "google",
        "disk",
    ] {
        assert!(findings.iter().any(|one| one.area == area), "{area}: {findings:#?}");
    }

    // A wrong password, of the administrator and of a service; a server that is not there.
    let url = sick.db.admin_url.expose();
    let (head, host) = url.rsplit_once('@').unwrap();
    let user = head.rsplit_once(':').unwrap().0;
    let wrong = look(&sick.with("DATABASE_URL", format!("{user}:wrong@{host}"))).await;
    one_fails(&wrong, "postgres", "password authentication failed", "Correct user, password");
    let wrong = look(&sick.with("SYNC_WORKER_DATABASE_URL", format!("postgres://sync_worker:wrong@{host}"))).await;
    one_fails(&wrong, "postgres", "sync-worker cannot log in", "postrider migrate");
    let away = look(&sick.with("DATABASE_URL", "postgres://a:b@127.0.0.1:1/x")).await;
    one_fails(&away, "postgres", "refused", "Start the server");

    // The broker away, a clock that is two minutes off, keys that cannot be fetched, pushes that nobody may sign, a setting
    // that is none: each by its own line.
    let clock = Arc::new(MockClock::at(SystemClock.now() - Duration::from_secs(120)));
    let mut settings = sick.with("AMQP_URL", "amqp://a:b@127.0.0.1:1/%2f");
    settings.insert("GOOGLE_JWKS_URL".to_owned(), "http://127.0.0.1:1/certs".to_owned());
    settings.insert("GOOGLE_CLIENT_IDD".to_owned(), "x".to_owned());
    settings.remove("PUBSUB_SERVICE_ACCOUNT");
    these_fail(
        &look_at(&settings, &Seams { clock, ..Seams::system() }).await,
        &[
            ("rabbitmq", "cannot be asked", "Start RabbitMQ"),
            ("clock", "that of this machine is 12", "NTP"),
            ("google", "cannot be fetched", "Let this machine reach it"),
            ("google", "PUBSUB_SERVICE_ACCOUNT", "every push is refused"),
            ("settings", "GOOGLE_CLIENT_IDD", "GOOGLE_CLIENT_ID"),
        ],
    );

    // Messages that are pulled need no account that signs; half of either is told.
    let mut pulled = sick.with("PUBSUB_PULL_SUBSCRIPTION", "projects/acme/subscriptions/pull");
    pulled.remove("PUBSUB_SERVICE_ACCOUNT");
    one_fails(&look(&pulled).await, "google", "PUBSUB_CREDENTIALS is not", "key file");
    pulled.insert("PUBSUB_CREDENTIALS".to_owned(), "metadata".to_owned());
    assert_eq!(failing(&look(&pulled).await), Vec::<&Finding>::new());
    pulled.remove("GMAIL_PUBSUB_TOPIC");
    let half = look(&pulled).await;
    assert!(half.iter().any(|one| one.verdict == Verdict::Warn && one.text.contains("GMAIL_PUBSUB_TOPIC is not")));

    // A wrong password of the broker, a client that Google does not know.
    sick.google.reset().await;
    let keys = ResponseTemplate::new(200).set_body_json(json!({"keys": [{"kid": "1"}]}));
    Mock::given(method("GET")).and(path("/certs")).respond_with(keys).mount(&sick.google).await;
    let stranger = ResponseTemplate::new(401).set_body_json(json!({"error": "invalid_client"}));
    Mock::given(method("POST")).and(path("/token")).respond_with(stranger).mount(&sick.google).await;
    let vhost = sick.settings["AMQP_URL"].rsplit_once('@').unwrap().1.to_owned();
    these_fail(
        &look(&sick.with("AMQP_URL", format!("amqp://postrider:wrong@{vhost}"))).await,
        &[
            ("rabbitmq", "ACCESS_REFUSED", "Correct user, password"),
            ("google", "client is refused", "GOOGLE_CLIENT_SECRET"),
        ],
    );
    sick.google.reset().await;
    google_as_it_is(&sick.google).await;
}

async fn a_schema_that_is_behind_is_mended_by_the_command(sick: &Sick) {
    sick.admin("DELETE FROM mailbox.__diesel_schema_migrations WHERE version = '00000000000003'").await;
    one_fails(&look(&sick.settings).await, "postgres", "sync-worker is behind: 1 migration", "postrider migrate");
    // Two at once: one waits for the other.
    let migrated = async || stack::migrate_one(&programs(), Member::SyncWorker, &sick.settings).await;
    let (one, other) = tokio::join!(migrated(), migrated());
    one.unwrap();
    other.unwrap();
    assert_eq!(failing(&look(&sick.settings).await), Vec::<&Finding>::new());
}

async fn a_topic_without_a_grant(sick: &Sick) {
    sick.admin(
        "INSERT INTO connector.google_apps (id, client_id) VALUES ('00000000-0000-7000-8000-000000000001', 'id')",
    )
    .await;
    sick.admin(
        "INSERT INTO connector.google_accounts (id, app_id, sub, by_address, email_address, address_key, watch_wanted, \
            watch_error) VALUES ('00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000001', 's', false, \
            'a@b.c', 'a@b.c', true, 'refused')",
    )
    .await;
    one_fails(&look(&sick.settings).await, "watches", "refuses the watch of 1 accounts", "gmail-api-push@system");
    sick.admin(
        "UPDATE connector.google_accounts SET watch_error = NULL, watch_silent_since = clock_timestamp(), \
            watch_expires_at = clock_timestamp() + interval '6 days'",
    )
    .await;
    let silent = look(&sick.settings).await;
    assert_eq!(failing(&silent), Vec::<&Finding>::new());
    let told = silent.iter().find(|one| one.area == "watches").unwrap();
    assert!(told.verdict == Verdict::Warn && told.text.contains("the pushes of 1 accounts do not arrive"), "{told:?}");
    assert!(told.remedy.as_ref().unwrap().contains("postrider google check"));
}

/// What an autoscaler asks of Postgres, in the role that the URL of `deploy/secrets.sh` enters.
async fn the_autoscalers_query_counts_mailboxes_across_tenants(sick: &Sick) {
    let manifest = include_str!("../../../../deploy/k8s/overlays/ha/keda.yaml");
    let query: String = manifest
        .split("query: >-")
        .nth(1)
        .unwrap()
        .split("targetQueryValue")
        .next()
        .unwrap()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let own = migrate::derived_service_url(&sick.db.admin_url, &Spec::SYNC_WORKER).unwrap();
    let inspection = Inspection::open(&own, Some("sync_worker_system")).await.unwrap();
    assert_eq!(inspection.row(&query).await.unwrap(), [Some("0".to_owned())]);
}
