//! The newcomer's way: a `.env` of two lines, an account connected from the terminal, and a doctor that finds nothing.

use std::time::Duration;

use postrider_cli::connect::{Lines, by_web};
use postrider_cli::doctor::{Verdict, examine};
use postrider_cli::progress;
use postrider_domain::Seams;
use postrider_gmail_sim::{MailboxSpec, SimConfig, SimServer};
use url::Url;

use crate::world::World;

const LONG: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_id_and_secret_are_enough_for_a_mailbox_that_is_polled() {
    let config = SimConfig { mailboxes: vec![MailboxSpec::new("me@example.com", 12)], ..SimConfig::default() };
    let (id, secret) = (config.oauth.client_id.clone(), config.oauth.client_secret.clone());
    let google = SimServer::start(config).await.unwrap();
    let at = |path: &str| format!("{}{path}", google.base_url());
    // The two lines; all else only says where the stand-in for Google is.
    let world = World::without_simulator(&[
        ("GOOGLE_CLIENT_ID", &id),
        ("GOOGLE_CLIENT_SECRET", &secret),
        ("GOOGLE_AUTH_URL", &at("/o/oauth2/v2/auth")),
        ("GOOGLE_TOKEN_URL", &at("/token")),
        ("GOOGLE_REVOKE_URL", &at("/revoke")),
        ("GOOGLE_JWKS_URL", &at("/oauth2/v3/certs")),
        ("GMAIL_API_URL", &at("/")),
    ])
    .await;
    let gateway = world.gateway();
    let (typed, mut lines) = Lines::sent();
    let show = async |page: &Url| typed.send(world.sent_to(page.as_str()).await).await.unwrap();
    let account = by_web(&gateway, None, &mut lines, LONG, show).await.unwrap();
    assert_eq!(account.email_address, "me@example.com");
    assert_eq!(progress::follow_all(&gateway, &account.id, LONG).await.unwrap().stored, 12);
    let findings = examine(&world.installation(), &Seams::system()).await;
    let wrong: Vec<_> = findings.iter().filter(|one| one.verdict != Verdict::Ok).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let told = |words: &str| findings.iter().any(|one| one.text.contains(words));
    assert!(told("all five are ready") && told("mail comes by polling") && told("known there"), "{findings:#?}");
}
