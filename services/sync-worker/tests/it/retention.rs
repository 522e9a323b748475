//! What is forgotten after 30 days, and by whom: the system role may delete these rows and read no mail.

use chrono::TimeDelta;
use postrider_domain::Clock as _;
use postrider_storage::types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use postrider_storage::{QueryableByName, sql};
use postrider_sync_worker::store::retention;

use crate::harness::{Ids, database};

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[tokio::test(flavor = "multi_thread")]
async fn old_changes_and_settled_pushes_go_and_nothing_else() {
    let test = database().await;
    let ids = Ids::of(9);
    ids.connect(&test.db, "sub").await;
    let now = ids.clock.now();
    let tx = test.db.tenant(&ids.tenant).await.unwrap();
    for (n, age) in [40_i64, 31, 29, 0].into_iter().enumerate() {
        let at = now - TimeDelta::days(age);
        sql(
            "INSERT INTO changes (tenant, connector_id, generation, history_id, ordinal, kind, message_id, thread_id, \
               created_at) VALUES ($1, $2, 1, $3, 0, 'added', 'm', 't', $4)",
        )
        .bind_as::<Text, _>(ids.tenant.as_str())
        .bind_as::<SqlUuid, _>(ids.connector.0)
        .bind_as::<BigInt, _>(i64::try_from(n).unwrap())
        .bind_as::<Timestamptz, _>(at)
        .execute(&tx)
        .await
        .unwrap();
        for status in ["completed", "pending"] {
            sql("INSERT INTO notification_queue (id, tenant, connector_id, source_message_id, source, history_id, \
                   status, notification_data, created_at, updated_at) \
                 VALUES ($1, $2, $3, $4, 'pubsub', 1, $5, '{}', $6, $6)")
            .bind_as::<SqlUuid, _>(ids.seams.ids.uuid())
            .bind_as::<Text, _>(ids.tenant.as_str())
            .bind_as::<SqlUuid, _>(ids.connector.0)
            .bind_as::<Text, _>(format!("{status} {n}"))
            .bind_as::<Text, _>(status)
            .bind_as::<Timestamptz, _>(at)
            .execute(&tx)
            .await
            .unwrap();
        }
    }
    tx.commit().await.unwrap();
    // One row of each kind at a time, until nothing is left to forget.
    for gone in [2, 2, 0] {
        let mut tx = test.db.system().await.unwrap();
        assert_eq!(retention::forget(&mut tx, now - TimeDelta::days(30), 1).await.unwrap(), gone);
        tx.commit().await.unwrap();
    }
    let tx = test.db.tenant(&ids.tenant).await.unwrap();
    for (statement, left) in [
        ("SELECT count(*) AS n FROM changes", 2),
        ("SELECT count(*) AS n FROM notification_queue WHERE status = 'completed'", 2),
        ("SELECT count(*) AS n FROM notification_queue WHERE status = 'pending'", 4),
    ] {
        assert_eq!(sql(statement).get_result::<Count>(&tx).await.unwrap().n, left, "{statement}");
    }
}
