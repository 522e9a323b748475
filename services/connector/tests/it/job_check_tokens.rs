//! Revoked grants are noticed although nobody uses the account; old consents are forgotten.

use chrono::TimeDelta;
use postrider_connector::jobs::{check_tokens, clean_states};
use postrider_gmail_sim::oauth::Death;

use crate::browser::Browser;
use crate::harness::{ANN, BEN, World};

#[tokio::test(flavor = "multi_thread")]
async fn an_hour_later_a_revoked_grant_is_noticed() {
    let world = World::new().await;
    let (dead, live) = (world.connect("ann", ANN).await, world.connect("ann", BEN).await);
    world.sim.sim().oauth.kill(&world.account(ANN), Death::Revoked);
    assert_eq!(check_tokens::turn(world.state()).await.unwrap(), 0);
    world.clock.advance(TimeDelta::minutes(61));
    assert_eq!(check_tokens::turn(world.state()).await.unwrap(), 2);
    let status = async |id: &str| {
        let shown = world.call("ann", "GET", &format!("/api/connectors/{id}"), None).await;
        shown.body["status"].as_str().unwrap().to_owned()
    };
    assert_eq!((status(&dead).await.as_str(), status(&live).await.as_str()), ("reauth_required", "active"));
    assert_eq!(check_tokens::turn(world.state()).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn consents_that_never_ended_are_forgotten_with_their_grants() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, ANN).await;
    assert_eq!(Browser::default().open(&world, &back).await.status, 200);
    browser.begin(&world, "ann", None).await;
    assert_eq!(clean_states::turn(world.state()).await.unwrap(), 0);
    world.clock.advance(TimeDelta::minutes(75));
    assert_eq!(clean_states::turn(world.state()).await.unwrap(), 2);
}
