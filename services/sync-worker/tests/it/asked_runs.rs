//! Runs that people ask for: joined while nobody has begun to look, bounded in any case.

use postrider_domain::{Clock as _, RunId, RunKind, RunState};
use postrider_storage::{Db, sql};
use postrider_sync_worker::store::runs::{self, MOST_QUEUED, Request};

use crate::harness::{Ids, database, within};
use crate::rig::rig;

async fn ask(db: &Db, ids: &Ids, kind: RunKind, max_results: Option<i64>) -> Option<RunId> {
    let mut tx = db.tenant(&ids.tenant).await.unwrap();
    let request =
        Request { tenant: &ids.tenant, connector: ids.connector, id: RunId(ids.seams.ids.uuid()), kind, max_results };
    let run = runs::ask(&mut tx, &request, ids.clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    run
}

/// (how many runs there are, the cap of one of them)
async fn look(db: &Db, ids: &Ids, run: RunId) -> (usize, Option<i64>) {
    let tx = db.tenant(&ids.tenant).await.unwrap();
    let all = runs::list(&tx, &[ids.connector], None, 1_000).await.unwrap();
    assert!(all.iter().all(|run| run.state == RunState::Queued));
    (all.len(), all.iter().find(|row| row.id == run).unwrap().max_results)
}

async fn lease(db: &Db, ids: &Ids, seconds: i64) {
    let tx = db.tenant(&ids.tenant).await.unwrap();
    sql("UPDATE mailboxes SET lease_until = clock_timestamp() + make_interval(secs => $2) WHERE connector_id = $1")
        .binds((ids.connector, f64::from(i32::try_from(seconds).unwrap())))
        .execute(&tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_run_joins_the_one_that_is_queued_and_does_what_either_wants() {
    let test = database().await;
    let ids = Ids::of(1);
    ids.connect(&test.db, "sub").await;
    let first = ask(&test.db, &ids, RunKind::Full, Some(5)).await.unwrap();
    // Also while somebody looks: it does not list before it leaves the queue.
    lease(&test.db, &ids, 60).await;
    for (asked, cap) in [(Some(9), Some(9)), (Some(2), Some(9)), (None, None), (Some(7), None)] {
        assert_eq!(ask(&test.db, &ids, RunKind::Full, asked).await, Some(first));
        assert_eq!(look(&test.db, &ids, first).await, (1, cap));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_run_joins_unless_somebody_may_have_begun_to_look() {
    let test = database().await;
    let ids = Ids::of(2);
    ids.connect(&test.db, "sub").await;
    let first = ask(&test.db, &ids, RunKind::Incremental, None).await.unwrap();
    assert_eq!(ask(&test.db, &ids, RunKind::Incremental, None).await, Some(first));
    assert_ne!(ask(&test.db, &ids, RunKind::Full, None).await, Some(first), "one of another kind");
    lease(&test.db, &ids, 60).await;
    for _ in 1..MOST_QUEUED {
        let own = ask(&test.db, &ids, RunKind::Incremental, None).await.unwrap();
        assert_ne!(own, first);
    }
    assert_eq!(ask(&test.db, &ids, RunKind::Incremental, None).await, None, "so many wait already");
    assert_eq!(look(&test.db, &ids, first).await.0, MOST_QUEUED + 1);
    // The holder died: who comes next looks anew.
    lease(&test.db, &ids, -1).await;
    assert!(ask(&test.db, &ids, RunKind::Incremental, None).await.is_some());
}

/// A run that is asked for while a pass begins is either answered by it, or keeps the mailbox due.
#[tokio::test(flavor = "multi_thread")]
async fn an_incremental_run_asked_for_at_any_moment_of_a_pass_is_answered() {
    let rig = rig(3, 2).await;
    rig.work().await;
    for polls in (1..120).step_by(3) {
        rig.push(rig.head()).await;
        let mut work = std::pin::pin!(rig.engine.run_mailbox(rig.ids.connector));
        // A mark right before: the pass after it begins while the next one comes.
        let ended = within(work.as_mut(), polls).await;
        let asked = async {
            rig.push(rig.head()).await;
            ask(&rig.test.db, &rig.ids, RunKind::Incremental, None).await.unwrap()
        };
        let run = match ended {
            Some(_) => asked.await,
            None => tokio::join!(work, asked).1,
        };
        rig.work().await;
        let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
        let row = runs::find(&tx, &[rig.ids.connector], run).await.unwrap().unwrap();
        assert_eq!(row.state, RunState::Completed, "asked for after {polls} polls");
    }
}
