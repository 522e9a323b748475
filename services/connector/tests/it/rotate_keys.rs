//! A change of the keys that seal tokens.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use postrider_connector::actions::rotate::{Counts, Kind, Rotation};
use postrider_connector::config::Config;
use postrider_connector::store::credentials::{self, Sealed};
use postrider_connector::store::{grant_endings, oauth_states};
use postrider_domain::{Clock, ConnectorId, Secret, TenantId};
use postrider_gmail_sim::Rule;
use postrider_google_auth::seal::Sealer;
use postrider_testing::eventually;
use serde_json::json;

use crate::browser::Browser;
use crate::harness::{ANN, BEN, PATIENCE, READONLY, World};

/// What the service makes of these keys, newest first.
fn with(world: &World, keys: &[&Secret]) -> Config {
    let keys: Vec<&str> = keys.iter().map(|key| key.expose()).collect();
    world.load(&[("ENCRYPTION_KEYS", &keys.join(","))]).unwrap()
}

async fn rotate(world: &World, keys: &[&Secret]) -> Counts {
    let config = with(world, keys);
    Rotation::new(&world.db.replica(), &config.vault, &|_, _| {}).run().await.unwrap()
}

async fn held(world: &World, tenant: &str, id: &str) -> credentials::Credential {
    let tx = world.db.db.tenant(&TenantId::parse(tenant).unwrap()).await.unwrap();
    let held = credentials::find(&tx, id.parse::<ConnectorId>().unwrap()).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    held
}

/// Two tenants' connectors, a consent under way, one that waits for its yes, a kept answer, a grant to be given back.
async fn filled() -> (World, String, String) {
    let world = World::with(&[("GOOGLE_SCOPES", READONLY)]).await;
    let (one, two) = (world.connect("ann", ANN).await, world.connect_as(("other", "ben"), BEN).await);
    let mut browser = Browser::default();
    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, ANN).await;
    assert!(Browser::default().open(&world, &back).await.text.contains("begun in another browser"));
    let down = |method: &str| Rule { method: Some(method.into()), status: Some(503), ..Rule::default() };
    world.sim.sim().gate.add_rule(down("getProfile"));
    let body = json!({"auth_code": world.code(ANN, &[READONLY])});
    assert_eq!(world.call("ann", "POST", "/api/auth/google/gmail", Some(body)).await.status, 503);
    world.sim.sim().gate.remove_rules(None);
    let account = world.db.admin().await;
    let id: postrider_storage::Value<uuid::Uuid> =
        postrider_storage::sql("SELECT account_id AS value FROM connector.connectors WHERE tenant = 'other'")
            .get_result(&account)
            .await
            .unwrap();
    let sealed = held(&world, "other", &two).await.refresh_sealed.unwrap();
    let tx = world.db.db.system().await.unwrap();
    let later = world.clock.now() + chrono::TimeDelta::hours(1);
    grant_endings::insert(&tx, world.state().seams.ids.uuid(), id.0, &sealed, false, later).await.unwrap();
    tx.commit().await.unwrap();
    (world, one, two)
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_sealed_opens_with_the_new_key_alone_and_no_version_moves() {
    let (world, one, two) = filled().await;
    let (new, before) = (Sealer::generate_key(), held(&world, "acme", &one).await);
    // Refresh and access tokens of two connectors, one ending, a verifier and a grant, an answer.
    let done = rotate(&world, &[&new, &world.key]).await;
    assert_eq!(done, Counts { sealed_again: 8, newest: 0, unopened: 0 });
    let only_new = with(&world, &[&new]);
    let after = held(&world, "acme", &one).await;
    assert_eq!(after.version, before.version);
    let old = with(&world, &[&world.key]);
    for (sealed, was) in [(after.refresh_sealed, before.refresh_sealed), (after.access_sealed, before.access_sealed)] {
        let (sealed, was) = (sealed.unwrap(), was.unwrap());
        assert_eq!(only_new.vault.open(&sealed).unwrap().expose(), old.vault.open(&was).unwrap().expose());
    }
    // Nothing is left that the old key would be needed for, in any table.
    assert_eq!(rotate(&world, &[&new]).await, Counts { sealed_again: 0, newest: 8, unopened: 0 });
    // A replica that never heard of the old key leases both.
    let replica = world.second(&[("ENCRYPTION_KEYS", new.expose())]).await;
    for (tenant, id) in [("acme", &one), ("other", &two)] {
        let token = world.token("sync-worker", tenant, "x", "read");
        let body = json!({"connector_id": id, "newer_than": after.version});
        let lease = world.send(&replica.base, &token, "POST", "/internal/token-leases", Some(body)).await;
        assert_eq!(lease.status, 200, "{}", lease.text);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_and_one_killed_in_the_middle_leave_the_same() {
    let (world, one, _) = filled().await;
    let new = Sealer::generate_key();
    let keys = [&new, &world.key];
    // Killed once the credentials are done.
    let (config, db) = (with(&world, &keys), world.db.replica());
    let tell = |kind: Kind, counts: Counts| {
        assert_eq!((kind, counts.sealed_again), (Kind::Credentials, 4));
        panic!("killed");
    };
    let rotation = Rotation::new(&db, &config.vault, &tell);
    let killed = AssertUnwindSafe(rotation.run()).catch_unwind().await.unwrap_err();
    assert_eq!(killed.downcast_ref(), Some(&"killed"));
    let (a, b) = tokio::join!(rotate(&world, &keys), rotate(&world, &keys));
    assert_eq!(a.sealed_again + b.sealed_again, 4, "{a:?} {b:?}");
    assert_eq!((a.sealed_again + a.newest, b.sealed_again + b.newest), (8, 8));
    assert!(with(&world, &[&new]).vault.open(&held(&world, "acme", &one).await.refresh_sealed.unwrap()).is_ok());
}

/// A refresh that was asked of Google before, and is answered after: its answer is kept, not the token of before.
#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_under_way_is_neither_lost_nor_undone() {
    let world = World::new().await;
    let id = world.connect("ann", ANN).await;
    let (new, seen) = (Sealer::generate_key(), held(&world, "acme", &id).await);
    let config = with(&world, &[&new, &world.key]);
    let connector = id.parse::<ConnectorId>().unwrap();
    assert_eq!(rotate(&world, &[&new, &world.key]).await.sealed_again, 2);
    let fresh = |text: &str| Sealed {
        refresh: config.vault.seal(&Secret::new(text)),
        access: config.vault.seal(&Secret::new("access")),
        access_issued_at: world.clock.now(),
        access_expires_at: world.clock.now() + chrono::TimeDelta::hours(1),
    };
    let tx = world.db.db.tenant(&TenantId::parse("acme").unwrap()).await.unwrap();
    let stored = credentials::store_refreshed(&tx, connector, seen.version, fresh("rotated by Google")).await.unwrap();
    assert_eq!(stored, Some(seen.version + 1), "the refresh still fits the credential it was asked for");
    // Not committed yet: the walk waits for it and seals what it stored.
    let newer = Sealer::generate_key();
    let keys = with(&world, &[&newer, &new]);
    let db = world.db.replica();
    let (conn, tell) = (world.db.admin().await, |_: Kind, _: Counts| {});
    let rotation = Rotation::new(&db, &keys.vault, &tell);
    let release = async {
        eventually("the walk to wait", PATIENCE, || async {
            let waiting = "SELECT count(*) AS value FROM pg_stat_activity \
                           WHERE datname = current_database() AND wait_event_type = 'Lock'";
            (postrider_testing::db::value::<i64>(&conn, waiting).await > 0).then_some(())
        })
        .await;
        tx.commit().await.unwrap();
    };
    let (walked, ()) = tokio::join!(rotation.run(), release);
    assert_eq!(walked.unwrap().sealed_again, 2);
    let held = held(&world, "acme", &id).await;
    let opened = with(&world, &[&newer]).vault.open(&held.refresh_sealed.unwrap()).unwrap();
    assert_eq!((opened.expose(), held.version), ("rotated by Google", seen.version + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_key_opens_is_told_and_stops_nothing() {
    let world = World::new().await;
    let one = world.connect("ann", ANN).await;
    let lost = Sealer::generate_key();
    assert_eq!(rotate(&world, &[&lost, &world.key]).await.sealed_again, 2);
    let two = world.connect("ben", BEN).await;
    let new = Sealer::generate_key();
    let done = rotate(&world, &[&new, &world.key]).await;
    assert_eq!(done, Counts { sealed_again: 2, newest: 0, unopened: 2 });
    let only_new = with(&world, &[&new]);
    assert!(only_new.vault.open(&held(&world, "acme", &two).await.refresh_sealed.unwrap()).is_ok());
    // As it was: with the key put back it opens again.
    let again = rotate(&world, &[&new, &lost]).await;
    assert_eq!((again.sealed_again, again.unopened), (2, 0));
    assert!(only_new.vault.open(&held(&world, "acme", &one).await.refresh_sealed.unwrap()).is_ok());
    let tx = world.db.db.system().await.unwrap();
    assert!(oauth_states::page(&tx, &Vec::new(), 10).await.unwrap().is_empty());
}
