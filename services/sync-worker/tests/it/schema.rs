//! The schema: migrations go up and down, and mail is out of reach of the system role.

use postrider_storage::types::BigInt;
use postrider_storage::{Error, QueryableByName, Spec, sql};

use crate::harness::{Ids, database};

#[derive(Debug, QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[tokio::test(flavor = "multi_thread")]
async fn migrations_go_down_to_nothing() {
    let test = database().await;
    let reverted = postrider_storage::migrate::revert_all(
        &test.admin_url,
        &Spec::SYNC_WORKER,
        postrider_sync_worker::store::migrations(),
    );
    assert!(reverted.await.unwrap() >= 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_role_sees_no_mail_and_a_tenant_only_its_own() {
    let test = database().await;
    let (one, two) = (Ids::of(1), Ids::of(2));
    one.connect(&test.db, "sub").await;
    for text in [
        "SELECT count(*) AS n FROM emails",
        "SELECT count(*) AS n FROM email_sources",
        "SELECT count(*) AS n FROM blobs",
        "SELECT count(*) AS n FROM email_labels",
        "SELECT count(*) AS n FROM parked_changes",
        "SELECT count(*) AS n FROM sync_listing",
    ] {
        let tx = test.db.system().await.unwrap();
        let refused = sql(text).get_result::<Count>(&tx).await;
        assert!(matches!(refused, Err(Error::Forbidden(_))), "{text}: {refused:?}");
    }
    for (tenant, rows) in [(&one.tenant, 1), (&two.tenant, 0)] {
        let tx = test.db.tenant(tenant).await.unwrap();
        let count = sql("SELECT count(*) AS n FROM mailboxes").get_result::<Count>(&tx).await.unwrap();
        assert_eq!(count.n, rows);
    }
}
