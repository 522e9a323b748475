//! Labels that are renamed or end: no record of history tells of either.

use chrono::TimeDelta;
use postrider_gmail_sim::Deliver;

use crate::rig::{Rig, rig};

const LOOK_BACK_OPEN: &str =
    "SELECT count(*) AS value FROM mailboxes WHERE connector_id = $1 AND look_back_at IS NOT NULL";

/// A label on two mails of the mirror, one of them in no other place.
async fn labelled(rig: &Rig) -> String {
    let label = rig.world.create_label(&rig.ids.address, "Bills").unwrap();
    for labels in [vec![label.clone()], vec![label.clone(), "INBOX".to_owned()]] {
        rig.world.deliver(&rig.ids.address, Deliver { labels: Some(labels), ..Deliver::default() }).unwrap();
    }
    rig.push(rig.head()).await;
    rig.work().await;
    assert_eq!(rig.labels().await, rig.true_labels());
    label
}

#[tokio::test(flavor = "multi_thread")]
async fn a_label_that_is_gone_stops_no_look_back_and_leaves_its_mails() {
    let rig = rig(91, 12).await;
    rig.live_through(1).await;
    let label = labelled(&rig).await;
    rig.world.delete_label(&rig.ids.address, &label).unwrap();
    rig.live_through(1).await;
    // As a boundary, or an audit, asks for it.
    rig.number("WITH asked AS (UPDATE mailboxes SET look_back_at = created_at WHERE connector_id = $1 RETURNING 1::bigint AS n) \
         SELECT n AS value FROM asked")
        .await;
    rig.live_through(1).await;
    assert_eq!(rig.number(LOOK_BACK_OPEN).await, 0, "the look back came to its end");
    assert_eq!(rig.labels().await, rig.true_labels());
    assert!(!rig.labels().await.values().flatten().any(|id| *id == label));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_is_known_within_a_poll_interval() {
    let rig = rig(92, 3).await;
    rig.live_through(1).await;
    let label = labelled(&rig).await;
    let named = async |name: &str| {
        let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
        let names = postrider_sync_worker::store::labels::list_names(&tx, &[rig.ids.connector]).await.unwrap();
        names.iter().any(|(_, id, now)| id.as_str() == label && now == name)
    };
    assert!(named("Bills").await);
    // The looks that follow a push are over.
    rig.live_through(1).await;
    rig.work().await;
    // Whatever the jitter of the polls: each of ten names.
    for n in 0..10 {
        let name = format!("Bills {n}");
        rig.world.rename_label(&rig.ids.address, &label, &name).unwrap();
        for _ in 0..30 {
            rig.ids.clock.advance(TimeDelta::seconds(10));
            rig.work().await;
        }
        assert!(named(&name).await, "{name}");
    }
}
