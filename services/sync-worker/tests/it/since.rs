//! `sync_since`: a mailbox that is wanted from a day on. What is older is not fetched for being there; what happens to it is
//! applied all the same.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use postrider_contracts::connector::Settings;
use postrider_domain::{Clock as _, RunKind, Timestamp};
use postrider_gmail_sim::{Deliver, MsgId};
use postrider_sync_worker::store::mailboxes::news;
use postrider_sync_worker::store::runs;

use crate::harness::announced;
use crate::rig::{Rig, rig};

impl Rig {
    /// Its owner wants what came since then.
    async fn wants(&self, version: i64, since: Option<Timestamp>) {
        let mut account = self.ids.active(version, "sub");
        let sync_since_ms = since.map_or(0, |since| since.timestamp_millis());
        account.state.settings = Some(Settings { sync_since_ms, ..Settings::default() });
        let mut tx = self.test.db.tenant(&self.ids.tenant).await.unwrap();
        assert!(news::apply_account(&mut tx, &account, self.ids.clock.now()).await.unwrap());
        tx.commit().await.unwrap();
    }

    /// Mails that came before everything else, so many days ago.
    fn imported(&self, mails: usize, days: i64) -> Vec<String> {
        let at = self.ids.clock.now() - TimeDelta::days(days);
        let mail = || Deliver { internal_date: Some(at), ..Deliver::default() };
        let ids = (0..mails).map(|_| self.world.deliver(&self.ids.address, mail()).unwrap().to_string());
        ids.collect()
    }

    /// Truth, without these.
    fn true_labels_without(&self, left_out: &[String]) -> BTreeMap<String, Vec<String>> {
        let mut labels = self.true_labels();
        labels.retain(|id, _| !left_out.contains(id));
        labels
    }
}

fn id(message: &str) -> MsgId {
    message.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn older_mail_is_left_out_until_something_happens_to_it_or_it_is_asked_for() {
    let rig = rig(211, 0).await;
    let address = rig.ids.address.clone();
    let mut old = rig.imported(25, 60);
    let young = rig.imported(13, 5);
    rig.wants(2, Some(rig.ids.clock.now() - TimeDelta::days(30))).await;
    rig.live_through(2).await;
    assert_eq!(rig.labels().await, rig.true_labels_without(&old));
    assert_eq!(rig.mirrored().await.len(), young.len());
    assert!(rig.gmail.units() < 25 * 20, "{} units: no old mail was asked for", rig.gmail.units());

    // What happens to old mail is applied: it is in the mirror from then on, and noticed when it is gone.
    rig.world.relabel(&address, &[id(&old[0])], &["STARRED"], &[]).unwrap();
    rig.world.relabel(&address, &[id(&old[1])], &["STARRED"], &[]).unwrap();
    rig.world.delete(&address, id(&old[2])).unwrap();
    rig.live_through(2).await;
    old.drain(..2);
    assert_eq!(rig.labels().await, rig.true_labels_without(&old));

    // A gap: what vanished in it is noticed whatever its age, and nothing older is fetched.
    let touched: Vec<String> = rig.mirrored().await.into_iter().filter(|mail| !young.contains(mail)).collect();
    assert_eq!(touched.len(), 2);
    rig.world.delete(&address, id(&touched[0])).unwrap();
    rig.world.delete(&address, id(&young[0])).unwrap();
    let live = rig.deliver();
    rig.world.expire_history(&address, 0).unwrap();
    rig.live_through(3).await;
    assert_eq!(rig.number("SELECT count(*) AS value FROM sync_runs WHERE connector_id = $1 AND kind = 'repair' AND state = 'completed'").await, 1);
    assert_eq!(rig.labels().await, rig.true_labels_without(&old));

    // An audit finds all that is wanted, and its counts speak of that.
    rig.asks_for(RunKind::Audit).await;
    rig.live_through(1).await;
    let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
    let audit = runs::last_audit(&tx, rig.ids.connector).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let wanted = i64::try_from(rig.mirrored().await.len()).unwrap();
    assert_eq!((audit.listed, audit.missing, audit.extra, audit.failed), (wanted, 0, 0, 0));

    // A day of polls begins no audit: Gmail's count is one of all mails.
    let listings = "SELECT count(*) AS value FROM sync_runs WHERE connector_id = $1 AND kind <> 'incremental'";
    let before = rig.number(listings).await;
    rig.live_through(24).await;
    assert_eq!(rig.number(listings).await, before);

    // Wanted without a limit, a full run brings the rest, and tells nobody of it.
    rig.wants(3, None).await;
    rig.asks_for(RunKind::Full).await;
    rig.live_through(2).await;
    assert_eq!(rig.labels().await, rig.true_labels());
    let told = announced(&rig.test.db, rig.ids.connector).await;
    assert_eq!(told.keys().collect::<Vec<_>>(), [&live]);
}
