//! The schema: migrations go up and down, and mail is out of reach of the system role.

use postrider_storage::{Error, Value, sql};

use crate::harness::{Ids, database};

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_down_to_nothing() {
    let test = database().await;
    let (ran, _) = test.down_and_up(postrider_sync_worker::store::migrations).await;
    assert!(ran >= 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_role_sees_no_mail_and_a_tenant_only_its_own() {
    let test = database().await;
    let (one, two) = (Ids::of(1), Ids::of(2));
    one.connect(&test.db, "sub").await;
    for text in [
        "SELECT count(*) AS value FROM emails",
        "SELECT count(*) AS value FROM email_sources",
        "SELECT count(*) AS value FROM blobs",
        "SELECT count(*) AS value FROM email_labels",
        "SELECT count(*) AS value FROM parked_changes",
        "SELECT count(*) AS value FROM sync_listing",
    ] {
        let tx = test.db.system().await.unwrap();
        let refused = sql(text).get_result::<Value<i64>>(&tx).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{text}: {refused:?}");
    }
    for (tenant, rows) in [(&one.tenant, 1), (&two.tenant, 0)] {
        let tx = test.db.tenant(tenant).await.unwrap();
        let count = sql("SELECT count(*) AS value FROM mailboxes").get_result::<Value<i64>>(&tx).await.unwrap();
        assert_eq!(count.0, rows);
    }
}
