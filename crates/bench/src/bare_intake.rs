//! The limit of an intake: an actix handler that publishes the bytes it was given, with confirm, and answers 202. No
//! token, no decoding, nothing else.

use std::net::Ipv4Addr;
use std::sync::Arc;

use actix_web::web::{Bytes, Data, post};
use actix_web::{App, HttpResponse, HttpServer};
use anyhow::Context as _;
use postrider_broker::{Broker, BrokerConfig, Publisher};
use postrider_contracts::Envelope;
use postrider_contracts::ingest::MailboxChanged;
use postrider_domain::{EventId, Seams, Secret};
use postrider_runtime::Context;

struct Bare {
    publisher: Arc<dyn Publisher>,
    seams: Seams,
}

/// Serves until it is killed. The broker's URL comes by environment.
pub async fn serve(port: u16) -> anyhow::Result<()> {
    let url = amqp_url()?;
    let cx = Context::for_tests();
    let broker = Broker::start(BrokerConfig { url, service: "ingest-webhook" }, &cx);
    let bare = Data::new(Bare { publisher: broker.publisher(), seams: Seams::system() });
    HttpServer::new(move || App::new().app_data(bare.clone()).route("/", post().to(take)))
        .workers(2)
        .bind((Ipv4Addr::LOCALHOST, port))?
        .run()
        .await?;
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a bench is no service: it has no configuration of its own")]
fn amqp_url() -> anyhow::Result<Secret> {
    Ok(Secret::new(std::env::var("BENCH_AMQP_URL").context("BENCH_AMQP_URL is set by `postrider-bench push`")?))
}

async fn take(bare: Data<Bare>, body: Bytes) -> HttpResponse {
    let id = EventId(bare.seams.ids.uuid());
    let mut envelope = Envelope::of(id, bare.seams.clock.now(), &MailboxChanged::default());
    envelope.payload = body;
    match bare.publisher.publish(vec![envelope]).await.first() {
        Some(Ok(())) => HttpResponse::Accepted().finish(),
        _ => HttpResponse::ServiceUnavailable().finish(),
    }
}
