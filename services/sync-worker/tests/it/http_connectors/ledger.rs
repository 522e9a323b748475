//! `…/ledger`, `…/parked/retry`, `…/audit`: nothing is missing, and what is, is found and mended.

use postrider_contracts::Event as _;
use postrider_contracts::mailbox::MailboxCoverage;
use postrider_testing::eventually;
use serde_json::{Value, json};

use crate::http_world::{ANN, Account, BEN, SOON, World, members};

async fn ledger(world: &World, who: &Account) -> Value {
    let answer = world.get(who, &format!("/api/v1/connectors/{}/ledger", who.id)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sum = |name: &str| answer.body[name].as_i64().unwrap();
    assert_eq!(sum("seen"), sum("applied") + sum("tombstoned") + sum("parked"), "{}", answer.text());
    answer.body
}

async fn audit(world: &World, who: &Account) -> Value {
    let asked = world.post(who, &format!("/api/v1/connectors/{}/audit", who.id), None).await;
    assert_eq!(asked.status, 202, "{}", asked.text());
    let path = format!("/api/v1/sync-runs/{}", asked.body["sync_run_id"].as_str().unwrap());
    eventually("the audit", SOON, || async {
        let run = world.get(who, &path).await.body;
        assert_eq!((&run["kind"], &run["reason"]), (&json!("audit"), &json!("asked")));
        (run["state"] == "completed").then_some(())
    })
    .await;
    // Labels are compared behind the run.
    eventually("the mailbox rests", SOON, || async {
        let text =
            "SELECT 1::bigint AS value FROM mailbox.mailboxes WHERE lease_owner IS NULL AND look_back_at IS NULL";
        world.number(text).await
    })
    .await;
    world.get(who, &path).await.body
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_finds_what_is_missing_and_what_is_too_much_and_mends_both() {
    let (world, ann) = World::with_account(6).await;
    let fresh = ledger(&world, &ann).await;
    assert_eq!(
        members(&fresh),
        ["applied", "audit", "connector_id", "data", "next_cursor", "parked", "seen", "tombstoned", "updated_at"]
    );
    assert_eq!((&fresh["audit"], &fresh["data"]), (&Value::Null, &json!([])));
    world.sim.world().deliver(ANN, Default::default()).unwrap();
    world.sync(&ann).await;
    assert!(ledger(&world, &ann).await["seen"].as_i64().unwrap() > 0);
    let run = audit(&world, &ann).await;
    assert_eq!(
        (&run["listed"], &run["fetched"], &run["deleted"]),
        (&json!(7), &json!(0), &json!(0)),
        "nothing to fetch"
    );

    // Behind the service's back two mails vanish from the mirror, and one appears that Gmail never had.
    world
        .execute(
            "WITH gone AS (DELETE FROM mailbox.emails WHERE email_id IN (SELECT email_id FROM mailbox.emails \
               ORDER BY received_at LIMIT 2) RETURNING email_id), \
             s AS (DELETE FROM mailbox.email_sources WHERE email_id IN (SELECT email_id FROM gone)) \
             DELETE FROM mailbox.email_labels WHERE email_id IN (SELECT email_id FROM gone)",
        )
        .await;
    world
        .execute(
            "INSERT INTO mailbox.emails (tenant, email_id, connector_id, message_id, thread_id, generation, history_id, \
               received_at, created_at, updated_at) \
             SELECT tenant, gen_random_uuid(), connector_id, 'fffffff', 'fffffff', generation, 1, now() - interval '9 days', \
               now() - interval '9 days', now() FROM mailbox.emails LIMIT 1",
        )
        .await;
    let run = audit(&world, &ann).await;
    assert_eq!((&run["new_emails"], &run["deleted"]), (&json!(2), &json!(1)), "{run}");
    let told = &ledger(&world, &ann).await["audit"];
    assert_eq!(
        *told,
        json!({"sync_run_id": run["id"], "finished_at": run["finished_at"], "in_gmail": 7, "missing": 2, "extra": 1,
               "coverage": 1.0})
    );
    let list = world.get(&ann, "/api/v1/emails?include_spam_trash=true").await.body;
    assert_eq!(list["data"].as_array().unwrap().len(), 7);
    let stream = postrider_contracts::streams::mailbox(ann.id);
    let events = postrider_events::streams::read_events(&world.db.db, &stream, 0, 1_000).await.unwrap();
    let coverage = events.iter().filter(|event| event.event_type == MailboxCoverage::TYPE);
    let coverage: Vec<MailboxCoverage> = coverage.map(|event| event.decode().unwrap()).collect();
    let last = coverage.last().unwrap();
    assert_eq!((coverage.len(), last.in_gmail, last.in_mirror, last.missing, last.extra), (2, 7, 6, 2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_is_told_page_by_page_and_looked_at_when_asked() {
    let (world, ann) = World::with_account(2).await;
    world
        .execute(&format!(
            "INSERT INTO mailbox.parked_changes (tenant, connector_id, message_id, thread_id, generation, history_id, reason, \
               live, changes, attempts, next_attempt_at, last_error, created_at, updated_at) \
             SELECT tenant, connector_id, message_id, thread_id, generation, history_id, 'poison', false, 0, 3, NULL, 'why', \
               now(), now() FROM mailbox.emails WHERE connector_id = '{}'",
            ann.id
        ))
        .await;
    let path = format!("/api/v1/connectors/{}/ledger?limit=1", ann.id);
    let first = world.get(&ann, &path).await.body;
    let next = world.get(&ann, &format!("{path}&cursor={}", first["next_cursor"].as_str().unwrap())).await.body;
    assert_eq!(next["next_cursor"], Value::Null);
    let row = &first["data"][0];
    assert_eq!(
        members(row),
        [
            "attempts",
            "created_at",
            "entries",
            "history_id",
            "last_error",
            "message_id",
            "next_attempt_at",
            "reason",
            "thread_id"
        ]
    );
    assert_eq!((&row["reason"], &row["attempts"], &row["last_error"]), (&json!("poison"), &json!(3), &json!("why")));
    assert!(row["message_id"].as_str() < next["data"][0]["message_id"].as_str());
    let retry = format!("/api/v1/connectors/{}/parked/retry", ann.id);
    let one = format!("{retry}?message_id={}", row["message_id"].as_str().unwrap());
    let answer = world.post(&ann, &one, None).await;
    assert_eq!((answer.status, &answer.body), (202, &json!({"retried": 1})));
    world.post(&ann, &format!("{retry}?message_id=abc"), None).await.is_problem(404, "not parked");
    let answer = world.post(&ann, &retry, None).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    // Gmail serves both: they are parked no more.
    eventually("the parking lot is empty", SOON, || async {
        (ledger(&world, &ann).await["data"] == json!([])).then_some(())
    })
    .await;
    assert_eq!(world.post(&ann, &retry, None).await.body, json!({"retried": 0}));
}

#[tokio::test(flavor = "multi_thread")]
async fn others_and_bad_input_get_nothing() {
    let world = World::new(&[(ANN, 1), (BEN, 1)]).await;
    let ann = world.connect("acme", "ann", ANN).await;
    let ben = world.connect("acme", "ben", BEN).await;
    let before = world.digest().await;
    for who in [&ben, &Account::stranger("globex", "ann"), &Account::stranger("acme", "nobody")] {
        let of = format!("/api/v1/connectors/{}", ann.id);
        world.get(who, &format!("{of}/ledger")).await.is_problem(404, "another's ledger");
        for action in ["audit", "parked/retry"] {
            world.post(who, &format!("{of}/{action}"), None).await.is_problem(404, action);
        }
    }
    let of = format!("/api/v1/connectors/{}", ann.id);
    for query in ["limit=0", "limit=101", "cursor=x", "more=1"] {
        world.get(&ann, &format!("{of}/ledger?{query}")).await.is_problem(422, query);
    }
    for query in ["message_id=", "message_id=%00", "more=1"] {
        world.post(&ann, &format!("{of}/parked/retry?{query}"), None).await.is_problem(422, query);
    }
    assert_eq!(world.digest().await, before);
    world.tell(&ann, "paused", Default::default()).await;
    for action in ["audit", "parked/retry"] {
        let answer = world.post(&ann, &format!("{of}/{action}"), None).await;
        answer.is_problem(409, action);
        assert_eq!(answer.code(), "connector_paused");
    }
    assert_eq!(world.get(&ann, &format!("{of}/ledger")).await.status, 200);
}
