//! What connector says: a watch before its account, and the end of an account with all that was mirrored of it.

use postrider_contracts::connector::{
    ConnectorDisconnected, ConnectorState, WatchLapsed, WatchRenewed, WatchStarted, WatchState,
};
use postrider_contracts::mailbox::EmailDeleted;
use postrider_contracts::{Envelope, Event, streams};
use postrider_domain::{AccountStatus, Clock as _, EventId, RunId, RunKind, RunState, UserId};
use postrider_events::streams::{Applied, Applier, ApplyError};
use postrider_gmail_sim::Deliver;
use postrider_storage::{Db, Statement, Value};
use postrider_sync_worker::consumers::connector::ConnectorEvents;
use postrider_sync_worker::jobs::erase;
use postrider_sync_worker::metrics::Metrics;
use postrider_sync_worker::state::State;
use postrider_sync_worker::store::{queue, runs};
use tokio_util::sync::CancellationToken;

use crate::harness::{Ids, within};
use crate::rig::{Rig, rig};

fn state(rig: &Rig, db: Db, replica: &str) -> State {
    let (seams, engine) = (rig.ids.seams.clone(), rig.engine.clone());
    State { db, seams, engine, metrics: Metrics::new(&prometheus::Registry::new()), replica: replica.to_owned() }
}

fn event<E: Event>(ids: &Ids, message: &E) -> Envelope {
    let owner = UserId::parse("owner").unwrap();
    Envelope::of(EventId(ids.seams.ids.uuid()), ids.clock.now(), message).owned_by(
        ids.tenant.clone(),
        owner,
        Some(ids.connector),
    )
}

async fn apply(rig: &Rig, event: &Envelope) -> Result<Applied, ApplyError> {
    let consumer = ConnectorEvents::new(state(rig, rig.test.db.clone(), "one"));
    let mut tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
    let applied = consumer.apply(&mut tx, event).await;
    if applied.is_ok() {
        tx.commit().await.unwrap();
    }
    applied
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_a_mailbox_that_is_not_there_yet_comes_again() {
    let rig = rig(1, 0).await;
    let watch = |ids: &Ids, version| WatchStarted {
        watch: Some(WatchState {
            connector_id: ids.connector.to_string(),
            watch_type: "push".to_owned(),
            expires_at_ms: 4_000_000_000_000,
            watch_id: ids.connector.to_string(),
            version,
            ..WatchState::default()
        }),
    };
    let unknown = Ids { tenant: rig.ids.tenant.clone(), ..Ids::of(2) };
    let refused = apply(&rig, &event(&unknown, &watch(&unknown, 1))).await;
    assert!(matches!(refused, Err(ApplyError::Retry { .. })), "{refused:?}");
    // Pushes tell by which watch they came, once it is known.
    rig.push(1).await;
    // A known one takes what is newer, and lets what is older pass.
    for version in [2, 1] {
        assert!(matches!(apply(&rig, &event(&rig.ids, &watch(&rig.ids, version))).await, Ok(Applied::Done)));
        let text = "SELECT watch_version AS value FROM mailboxes WHERE connector_id = $1 AND watch_type = 'push'";
        assert_eq!(crate::harness::mailbox_number(&rig.test.db, rig.ids.connector, text).await, 2);
    }
    rig.push(2).await;
    let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
    let queued = queue::shown::list(&tx, &[rig.ids.connector], None, None, 10).await.unwrap();
    let watches: Vec<_> = queued.iter().map(|push| (push.history_id.0, push.watch_id)).collect();
    assert!(watches.contains(&(1, None)) && watches.contains(&(2, Some(rig.ids.connector.0))), "{watches:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_whose_pushes_do_not_come_spares_no_poll() {
    let rig = rig(4, 0).await;
    let watch = |version, silent| {
        Some(WatchState {
            connector_id: rig.ids.connector.to_string(),
            watch_type: "push".to_owned(),
            expires_at_ms: 4_000_000_000_000,
            version,
            silent,
            ..WatchState::default()
        })
    };
    let spared = "SELECT count(*) AS value FROM mailboxes WHERE connector_id = $1 AND watch_type = 'push' \
         AND watch_expires_at IS NOT NULL";
    let told = [
        (event(&rig.ids, &WatchStarted { watch: watch(1, false) }), 1),
        (event(&rig.ids, &WatchLapsed { watch: watch(2, true) }), 0),
        // Asked for again, and still silent.
        (event(&rig.ids, &WatchRenewed { watch: watch(3, true) }), 0),
        (event(&rig.ids, &WatchRenewed { watch: watch(4, false) }), 1),
    ];
    for (event, live) in told {
        assert!(matches!(apply(&rig, &event).await, Ok(Applied::Done)));
        assert_eq!(rig.number(spared).await, live, "{}", event.event_type);
    }
}

/// Rows that are left of an account, table by table.
async fn left(rig: &Rig) -> Vec<(String, i64)> {
    let admin = rig.test.admin().await;
    let tables: Vec<Value<String>> = Statement::dynamic(
        "SELECT table_name::text AS value FROM information_schema.columns WHERE table_schema = 'mailbox' \
           AND column_name = 'connector_id' AND table_name NOT LIKE 'outbox%' AND table_name <> 'mailboxes' ORDER BY 1"
            .to_owned(),
    )
    .load(&admin)
    .await
    .unwrap();
    assert!(tables.len() >= 9, "{tables:?}");
    let mut left = Vec::new();
    for Value(table) in tables {
        let of = format!("SELECT count(*) AS value FROM mailbox.{table} WHERE connector_id = '{}'", rig.ids.connector);
        left.push((table, Statement::dynamic(of).get_result::<Value<i64>>(&admin).await.unwrap().0));
    }
    for table in ["email_sources", "email_references", "sync_listing"] {
        let of = format!("SELECT count(*) AS value FROM mailbox.{table} WHERE tenant = '{}'", rig.ids.tenant);
        left.push((table.to_owned(), Statement::dynamic(of).get_result::<Value<i64>>(&admin).await.unwrap().0));
    }
    left.retain(|(_, rows)| *rows > 0);
    left
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_an_account_cancels_what_is_under_way() {
    let rig = rig(95, 40).await;
    // A listing that never ends: the run stays at work.
    rig.gmail.listing.lock().unwrap().breaks = true;
    rig.live_through(1).await;
    let open = "SELECT count(*) AS value FROM sync_runs WHERE connector_id = $1 AND finished_at IS NULL";
    assert_eq!(rig.number(open).await, 1);
    let epoch = "SELECT epoch AS value FROM mailboxes WHERE connector_id = $1";
    let before = rig.number(epoch).await;
    let state = ConnectorState {
        version: 9,
        connector_id: rig.ids.connector.to_string(),
        owner: "owner".to_owned(),
        status: AccountStatus::Disconnected.to_string(),
        ..ConnectorState::default()
    };
    let ended = event(&rig.ids, &ConnectorDisconnected { connector: Some(state) });
    assert!(matches!(apply(&rig, &ended).await, Ok(Applied::Done)));
    // Whoever works on it is fenced off, nothing is due, and nobody waits for the run.
    assert_eq!(rig.number(epoch).await, before + 1);
    assert_eq!(rig.number(open).await, 0);
    let superseded = "SELECT count(*) AS value FROM sync_runs WHERE connector_id = $1 AND state = 'superseded'";
    assert_eq!(rig.number(superseded).await, 1);
    assert!(!rig.engine.run_mailbox(rig.ids.connector).await.unwrap());
}

async fn disconnected(rig: &Rig, run: RunId) {
    let state = ConnectorState {
        version: 9,
        connector_id: rig.ids.connector.to_string(),
        owner: "owner".to_owned(),
        status: AccountStatus::Disconnected.to_string(),
        erase: true,
        erase_run_id: run.to_string(),
        ..ConnectorState::default()
    };
    let ended = event(&rig.ids, &ConnectorDisconnected { connector: Some(state) });
    // Told twice, as a broker may.
    for _ in 0..2 {
        assert!(matches!(apply(rig, &ended).await, Ok(Applied::Done)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_account_leaves_nothing_however_often_the_eraser_dies() {
    let rig = rig(3, 450).await;
    let html = b"Subject: parts\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhi\r\n--x\r\n\
        Content-Type: image/png; name=a.png\r\nContent-Disposition: attachment\r\n\r\nx\r\n--x--\r\n";
    rig.world.deliver(&rig.ids.address, Deliver { raw: Some(html.to_vec()), ..Deliver::default() }).unwrap();
    rig.push(0).await;
    rig.live_through(1).await;
    let mails = i64::try_from(rig.mirrored().await.len()).unwrap();
    assert_eq!(mails, 451);
    let admin = rig.test.admin().await;
    let held = format!(
        "INSERT INTO mailbox.email_references (tenant, email_id, kind, ref) SELECT tenant, email_id, 'task', '7' \
         FROM mailbox.emails WHERE connector_id = '{}' ORDER BY message_id LIMIT 1",
        rig.ids.connector
    );
    Statement::dynamic(held).execute(&admin).await.unwrap();
    let told_before = deleted(&rig).await.len();
    // What is left of the Google account's quota, and of another's.
    for sub in ["sub", "other"] {
        let bucket = format!(
            "INSERT INTO mailbox.quota_buckets (key, units, refilled_at, minute) VALUES ('user:{sub}', 1, now(), now())"
        );
        Statement::dynamic(bucket).execute(&admin).await.unwrap();
    }

    let run = RunId(rig.ids.seams.ids.uuid());
    disconnected(&rig, run).await;
    let look = async || {
        let tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
        runs::find(&tx, &[rig.ids.connector], run).await.unwrap().expect("the run")
    };
    let row = look().await;
    assert_eq!((row.kind, row.state), (RunKind::Erase, RunState::Queued));

    // Each replica dies at another place: its future is dropped where it stands, its lease runs out.
    let stop = CancellationToken::new();
    let mut deaths = 0;
    for polls in 1.. {
        let db = rig.test.replica();
        let state = state(&rig, db, &format!("replica {polls}"));
        let done = within(Box::pin(erase::run(&state, &stop)).as_mut(), polls * 3).await;
        Statement::dynamic("UPDATE mailbox.leases SET until = clock_timestamp() - interval '1 second'".to_owned())
            .execute(&admin)
            .await
            .unwrap();
        match done {
            Some(done) if look().await.state == RunState::Completed => {
                done.unwrap();
                break;
            }
            // One that waited for a dead one's transaction fails; the next one goes on.
            Some(_) => {}
            None => deaths += 1,
        }
        assert!(polls < 500, "never done");
    }
    assert!(deaths > 5, "{deaths}");
    let row = look().await;
    assert_eq!((row.state, row.deleted, row.total_estimate), (RunState::Completed, mails, mails));
    assert_eq!(left(&rig).await, [("sync_runs".to_owned(), 1)]);
    let buckets = "SELECT string_agg(key, ' ') AS value FROM mailbox.quota_buckets".to_owned();
    assert_eq!(Statement::dynamic(buckets).get_result::<Value<String>>(&admin).await.unwrap().0, "user:other");
    let about = format!(
        "SELECT concat_ws('|', google_sub, address, address_key, display_name, settings) AS value FROM mailbox.mailboxes \
         WHERE connector_id = '{}'",
        rig.ids.connector
    );
    assert_eq!(Statement::dynamic(about).get_result::<Value<String>>(&admin).await.unwrap().0, "||||{}");

    // Who held on to a mail is told, once; the rest is told by the account's end.
    let told = deleted(&rig).await;
    assert_eq!(told.len(), told_before + 1);
    let told = told.last().unwrap();
    assert!(told.erased && told.references.len() == 1 && told.references[0].r#ref == "7", "{told:?}");
    // A late event revives nothing.
    let mut late = rig.ids.active(8, "sub");
    late.state.version = 8;
    let mut tx = rig.test.db.tenant(&rig.ids.tenant).await.unwrap();
    assert!(
        !postrider_sync_worker::store::mailboxes::news::apply_account(&mut tx, &late, rig.ids.clock.now())
            .await
            .unwrap()
    );
}

async fn deleted(rig: &Rig) -> Vec<EmailDeleted> {
    let stream = streams::mailbox(rig.ids.connector);
    let events = postrider_events::streams::read_events(&rig.test.db, &stream, 0, 100_000).await.unwrap();
    events.iter().filter(|event| event.event_type == EmailDeleted::TYPE).map(|event| event.decode().unwrap()).collect()
}
