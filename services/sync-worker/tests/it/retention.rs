//! What is forgotten after 30 days, and by whom: the system role may delete these rows and read no mail.

use chrono::TimeDelta;
use postrider_domain::Clock as _;
use postrider_storage::{Value, sql};
use postrider_sync_worker::store::{changes, queue};
use serde_json::json;

use crate::harness::{Ids, database};

#[tokio::test(flavor = "multi_thread")]
async fn old_changes_and_settled_pushes_go_and_nothing_else() {
    let test = database().await;
    let ids = Ids::of(9);
    ids.connect(&test.db, "sub").await;
    let now = ids.clock.now();
    let tx = test.db.tenant(&ids.tenant).await.unwrap();
    for (n, age) in [40_i64, 31, 29, 0].into_iter().enumerate() {
        let at = now - TimeDelta::days(age);
        sql("INSERT INTO changes (tenant, connector_id, generation, history_id, kind, message_id, thread_id, \
               created_at) VALUES ($1, $2, 1, $3, 'added', 'm', 't', $4)")
        .binds((&ids.tenant, ids.connector, i64::try_from(n).unwrap(), at))
        .execute(&tx)
        .await
        .unwrap();
        for status in ["completed", "pending"] {
            sql("INSERT INTO notification_queue (id, tenant, connector_id, source_message_id, source, history_id, \
                   status, notification_data, created_at, updated_at) \
                 VALUES ($1, $2, $3, $4, 'pubsub', 1, $5, $6, $7, $7)")
            .binds((ids.seams.ids.uuid(), &ids.tenant, ids.connector, format!("{status} {n}"), status, json!({}), at))
            .execute(&tx)
            .await
            .unwrap();
        }
    }
    tx.commit().await.unwrap();
    // One row of each kind at a time, until nothing is left to forget.
    for gone in [2, 2, 0] {
        let mut tx = test.db.system().await.unwrap();
        let before = now - TimeDelta::days(30);
        let changes = changes::forget(&mut tx, before, 1).await.unwrap();
        assert_eq!(changes + queue::forget(&mut tx, before, 1).await.unwrap(), gone);
        tx.commit().await.unwrap();
    }
    let tx = test.db.tenant(&ids.tenant).await.unwrap();
    for (statement, left) in [
        ("SELECT count(*) AS value FROM changes", 2),
        ("SELECT count(*) AS value FROM notification_queue WHERE status = 'completed'", 2),
        ("SELECT count(*) AS value FROM notification_queue WHERE status = 'pending'", 4),
    ] {
        assert_eq!(sql(statement).get_result::<Value<i64>>(&tx).await.unwrap().0, left, "{statement}");
    }
}
