//! Services that answer what they should not: pushes refused, a broker's alarm, a wrong clock, a schema that is behind.

use chrono::TimeDelta;
use postrider_cli::stack::Member;
use postrider_domain::{Clock as _, SystemClock};
use postrider_testing::MockServer;
use serde_json::json;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

use super::{Sick, look, one_fails};

pub async fn pushes_that_do_not_fit_and_services_that_are_not_ready(sick: &Sick) {
    let (ready, intake) = (MockServer::start().await, MockServer::start().await);
    let yes = ResponseTemplate::new(200).set_body_json(json!({"status": "ready", "checks": {}}));
    Mock::given(method("GET")).and(path("/health/ready")).respond_with(yes).mount(&ready).await;
    let metrics = |outcome: &str| {
        let text = format!("postrider_pushes_total{{outcome=\"{outcome}\"}} 7\n");
        Mock::given(method("GET")).and(path("/metrics")).respond_with(ResponseTemplate::new(200).set_body_string(text))
    };
    let mut settings = sick.settings.clone();
    for member in Member::SERVICES {
        settings.insert(format!("{}_URL", member.prefix()), ready.uri());
    }
    settings.insert("INGEST_ADMIN_ADDR".to_owned(), intake.address().to_string());
    metrics("audience").mount(&intake).await;
    one_fails(&look(&settings).await, "pushes", "tokens do not fit", "PUBSUB_AUDIENCE");

    // RabbitMQ's alarm, where its management API cannot be asked: it tells every client.
    intake.reset().await;
    let blocked = ResponseTemplate::new(200).set_body_string("postrider_broker_state{service=\"ingest-webhook\"} 1\n");
    Mock::given(method("GET")).and(path("/metrics")).respond_with(blocked).mount(&intake).await;
    one_fails(
        &look(&settings).await,
        "rabbitmq",
        "an alarm of it blocks ingest-webhook",
        "rabbitmq-diagnostics alarms",
    );

    // One process lives in another time.
    intake.reset().await;
    let late = (SystemClock.now() - TimeDelta::seconds(75)).to_rfc2822().replace("+0000", "GMT");
    let late = ResponseTemplate::new(200).insert_header("date", late).set_body_json(json!({"status": "ready"}));
    Mock::given(method("GET")).and(path("/health/ready")).respond_with(late).mount(&intake).await;
    settings.insert("SYNC_WORKER_URL".to_owned(), intake.uri());
    one_fails(&look(&settings).await, "clock", "that of sync-worker is 7", "NTP");
    settings.insert("SYNC_WORKER_URL".to_owned(), ready.uri());

    intake.reset().await;
    let behind = json!({"code": "not_ready", "checks": {"database": "ok", "schema": "failed"}});
    let behind = ResponseTemplate::new(503).set_body_json(behind);
    Mock::given(method("GET")).and(path("/health/ready")).respond_with(behind).mount(&intake).await;
    settings.insert("CONNECTOR_URL".to_owned(), intake.uri());
    one_fails(&look(&settings).await, "services", "connector is not ready", "postrider migrate");
    intake.reset().await;
    let foreign = ResponseTemplate::new(502).set_body_string("<h1>Bad Gateway</h1>");
    Mock::given(method("GET")).and(path("/health/ready")).respond_with(foreign).mount(&intake).await;
    one_fails(&look(&settings).await, "services", "something else answers, with 502", "CONNECTOR_URL");
    settings.insert("CONNECTOR_URL".to_owned(), "http://127.0.0.1:1/".to_owned());
    one_fails(&look(&settings).await, "services", "connector does not answer", "Start it");
}
