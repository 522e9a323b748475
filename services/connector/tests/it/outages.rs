//! A database that fails at the end of a consent, when Google has given what it gives only once.

use postrider_storage::{Statement, Value};
use postrider_testing::eventually;
use serde_json::json;

use crate::browser::Browser;
use crate::harness::{ANN, PATIENCE, World};

/// What Postgres says when it is stopped under a statement.
const STOPPED: &str = "terminating connection due to administrator command";

async fn behind_the_roles(world: &World, text: &str) {
    let conn = world.db.admin().await;
    Statement::dynamic("SET search_path = connector".to_owned()).execute(&conn).await.unwrap();
    Statement::dynamic(text.to_owned()).execute(&conn).await.unwrap();
}

/// Lets the next `times` tries to store a connector fail with these words. Sequences count what is rolled back too.
async fn fail(world: &World, times: u32, words: &str) {
    behind_the_roles(world, "CREATE SEQUENCE tries").await;
    let text = format!(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN \
         IF nextval('connector.tries') <= {times} THEN RAISE EXCEPTION '{words}'; END IF; RETURN new; END $$"
    );
    behind_the_roles(world, &text).await;
    behind_the_roles(world, "CREATE TRIGGER fail BEFORE INSERT ON connectors FOR EACH ROW EXECUTE FUNCTION fail()")
        .await;
}

async fn tries(world: &World) -> i64 {
    let conn = world.db.admin().await;
    let text = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END AS value FROM connector.tries";
    Statement::dynamic(text.to_owned()).get_result::<Value<i64>>(&conn).await.unwrap().0
}

async fn connectors(world: &World, user: &str) -> usize {
    world.call(user, "GET", "/api/connectors", None).await.body["data"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_for_a_moment_costs_no_consent() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, ANN).await;
    fail(&world, 6, STOPPED).await;
    let answer = browser.open(&world, &back).await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("connected")), "{}", answer.text);
    assert_eq!((tries(&world).await, world.asked("oauth.token")), (7, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_goes_away_meanwhile_is_connected_all_the_same() {
    let world = World::new().await;
    let mut browser = Browser::default();
    let (url, _) = browser.begin(&world, "ann", None).await;
    let back = browser.consent(&world, &url, ANN).await;
    fail(&world, 6, STOPPED).await;
    let two_tries = eventually("two tries", PATIENCE, || async { (tries(&world).await >= 2).then_some(()) });
    tokio::select! {
        answer = browser.open(&world, &back) => panic!("the database is away: {}", answer.text),
        () = two_tries => {}
    }
    eventually("the connector", PATIENCE, || async { (connectors(&world, "ann").await == 1).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_that_failed_may_be_sent_again() {
    let world = World::new().await;
    let (url, _) = Browser::default().begin(&world, "ann", Some("/done")).await;
    let mut browser = Browser::default();
    let back = browser.consent(&world, &url, ANN).await;
    let page = browser.open(&world, &back).await;
    // Words that promise no better next time, so that nothing is tried again.
    fail(&world, 1, "out of order").await;
    assert_eq!(browser.answer(&world, &page, "yes").await.status, 500);
    assert_eq!(connectors(&world, "ann").await, 0);
    assert_eq!(browser.answer(&world, &page, "yes").await.status, 303);
    assert_eq!(connectors(&world, "ann").await, 1);
    assert_eq!(browser.answer(&world, &page, "yes").await.status, 422);
    assert_eq!(world.asked("oauth.token"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_that_is_sent_twice_at_once_connects_once() {
    let world = World::new().await;
    let (url, _) = Browser::default().begin(&world, "ann", None).await;
    let mut browser = Browser::default();
    let back = browser.consent(&world, &url, ANN).await;
    let page = browser.open(&world, &back).await;
    let (mut one, mut two) = (browser.clone(), browser.clone());
    let (one, two) = tokio::join!(one.answer(&world, &page, "yes"), two.answer(&world, &page, "yes"));
    let connected: Vec<_> = [&one, &two].into_iter().filter(|answer| answer.status == 200).collect();
    assert!(!connected.is_empty() && [one.status, two.status].iter().all(|status| [200, 422].contains(status)));
    let id = connected[0].body["connector_id"].as_str().unwrap();
    assert_eq!(world.event_types(id).await, ["connector.connected.v1"]);
}
