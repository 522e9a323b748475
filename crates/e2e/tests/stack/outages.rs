//! The servers go away: RabbitMQ for ten seconds, Postgres for a restart, every queue purged.

use std::time::Duration;

use postrider_contracts::Topology;
use postrider_e2e::{Account, World, mirror, within};

const LONG: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_stopped_postgres_restarted_queues_purged() {
    let world = World::start().await;
    let address = "outage@example.com";
    world.sim.mailbox(address, 100, 21).await;
    let account = Account::connect(&world, "acme", "ann", address).await;
    account.first_sync(&world, LONG).await;
    let socket = account.socket("websocket").await;
    let mut live = world.sim.deliver(address, 5).await;

    // RabbitMQ away for 10 s, with mail coming in all the time.
    world.pair.run(&["stop-rabbit"]).await.unwrap();
    let stopped = tokio::time::Instant::now();
    while stopped.elapsed() < Duration::from_secs(10) {
        live.extend(world.sim.deliver(address, 1).await);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    world.pair.run(&["start-rabbit"]).await.unwrap();
    live.extend(world.sim.deliver(address, 5).await);
    account.mirror_equals_truth(&world, LONG).await;
    account.notified_once(&world, &live, LONG).await;

    // Postgres restarted under load.
    live.extend(world.sim.deliver(address, 10).await);
    world.pair.run(&["restart-postgres"]).await.unwrap();
    live.extend(world.sim.deliver(address, 10).await);
    account.mirror_equals_truth(&world, LONG).await;
    account.notified_once(&world, &live, LONG).await;

    // Every queue purged, again and again, while mail comes in.
    for _ in 0..10 {
        live.extend(world.sim.deliver(address, 5).await);
        purge_everything(&world).await;
    }
    account.mirror_equals_truth(&world, LONG).await;
    account.notified_once(&world, &live, LONG).await;

    within(LONG, "the client saw everything", async || live.iter().all(|id| socket.announced().contains_key(id))).await;
    let conn = world.admin().await;
    assert_eq!(mirror::notifications_of(&conn, account.connector, "sync_complete").await, 1);
}

async fn purge_everything(world: &World) {
    let management = world.servers.management_url.expose().trim_end_matches('/').to_owned();
    let http = postrider_e2e::client::http();
    for queue in Topology::CURRENT.queue_names() {
        let mut url = url::Url::parse(&format!("{management}/api/queues")).unwrap();
        url.path_segments_mut().unwrap().push("/").push(&queue).push("contents");
        let (user, password) = (url.username().to_owned(), url.password().map(str::to_owned));
        url.set_username("").unwrap();
        url.set_password(None).unwrap();
        let answer = http.delete(url).basic_auth(user, password).send().await.unwrap();
        assert!(answer.status().is_success(), "{queue}: {}", answer.status());
    }
}
