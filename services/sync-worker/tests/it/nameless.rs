//! Entries of history that name no message: nobody can fetch what they are about, so listings tell.

use postrider_domain::Clock as _;

use crate::harness::ledger;
use crate::rig::rig;

#[tokio::test(flavor = "multi_thread")]
async fn entries_without_a_message_wait_until_listings_show_what_they_were_about() {
    let rig = rig(81, 12).await;
    rig.work().await;
    // The comparison behind the first boundary is over.
    rig.live_through(2).await;
    rig.gmail.told.lock().unwrap().nameless = true;
    let new = [rig.deliver(), rig.deliver()];
    rig.push(rig.head()).await;
    rig.work().await;
    let books = async || ledger(&rig.test.db, &rig.ids.tenant, rig.ids.connector).await;
    let [_, _, _, parked, waiting] = books().await;
    assert_eq!((parked, waiting), (2, 2), "they are counted");
    assert!(!rig.mirrored().await.iter().any(|id| new.contains(id)));
    // A later one waits for a comparison of its own.
    rig.live(300).await;
    let later = rig.deliver();
    rig.push(rig.head()).await;
    rig.work().await;
    rig.live(310).await;
    assert_eq!(rig.mirrored().await, rig.truth(), "listings showed all three");
    assert_eq!(books().await[3..], [1, 1], "the later one may have been shown too late");
    rig.live(600).await;
    assert_eq!(rig.mirrored().await, rig.truth());
    let [seen, applied, tombstoned, parked, waiting] = books().await;
    assert_eq!((seen, parked, waiting), (applied + tombstoned, 0, 0));
    assert!(rig.mirrored().await.contains(&later), "at {}", rig.ids.clock.now());
}
