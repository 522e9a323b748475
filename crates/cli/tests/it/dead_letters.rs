//! Dead letters of every service, by one command.

use postrider_cli::commands::dead_letters::{Place, queues};
use postrider_testing::TestVhost;

#[tokio::test]
async fn dead_letters_of_all_queues_are_listed_with_theirs() {
    postrider_runtime::tls::install();
    let broker = TestVhost::fresh().await;
    let url = broker.amqp_url();
    postrider_broker::queues::declare(&url).await.unwrap();
    for queue in ["notification.mailbox", "sync-worker.connector"] {
        broker.publish_raw(&format!("{queue}.dead"), "not an event").await.unwrap();
    }
    let place = Place::RabbitMq(url);
    let found = place.list(&queues(None).unwrap(), 10).await.unwrap();
    let lying: Vec<_> = found.iter().map(|one| one.queue).collect();
    assert_eq!(lying, ["sync-worker.connector", "notification.mailbox"]);
    let json = serde_json::to_value(&found).unwrap();
    assert!(json[0]["queue"] == "sync-worker.connector" && json[0]["reason"].is_string(), "{json}");
    assert_eq!(place.list(&queues(Some("connector.mailbox-changed")).unwrap(), 10).await.unwrap().len(), 0);
}
