//! Days that are over leave nothing behind.

use postrider_events::partitions;
use postrider_storage::sql;
use postrider_testing::db::value;
use postrider_testing::events::{append, base_schema, event};

#[tokio::test(flavor = "multi_thread")]
async fn old_rows_of_the_default_partitions_go_and_unsent_events_stay() {
    let test = base_schema().await;
    append(&test.db, (1..=4).map(|version| event("s/1", version)).collect()).await;
    let admin = test.admin().await;
    sql("SET search_path = gateway").execute(&admin).await.unwrap();
    // 1: old and sent, 2: old and never sent, 3: sent and young enough, 4: of today. A year without partitions.
    let days_ago = "UPDATE outbox SET day = (now() AT TIME ZONE 'utc')::date - CASE seq WHEN 3 THEN 6 ELSE 8 END, \
        sent_at = CASE WHEN seq <> 2 THEN now() END WHERE seq < 4";
    sql(days_ago).execute(&admin).await.unwrap();
    let inbox = "INSERT INTO inbox (day, consumer, event_id) SELECT (now() AT TIME ZONE 'utc')::date - days, 'one', \
        gen_random_uuid() FROM unnest(ARRAY[13, 15, 400]) AS days";
    sql(inbox).execute(&admin).await.unwrap();
    assert_eq!(value::<i64>(&admin, "SELECT count(*) AS value FROM outbox_default").await, 3);
    partitions::maintain(&test.db).await.unwrap();
    assert_eq!(
        value::<String>(&admin, "SELECT string_agg(seq::text, ' ' ORDER BY seq) AS value FROM outbox").await,
        "2 3 4"
    );
    assert_eq!(value::<i64>(&admin, "SELECT count(*) AS value FROM inbox").await, 1);
}
