//! A mailbox through the client: everything equals the simulator's truth, and every fault is told for what it is.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::TimeDelta;
use postrider_domain::{Clock, HistoryId, LabelId, MessageId, SystemClock};
use postrider_gmail::quota::{GovernorConfig, LocalSlices, LocalUnits, ProjectGate, SliceRule, UserBucket};
use postrider_gmail::{GmailApi, GmailError, Governor, Lane, ListPage, Memory, Part, Room, TokenError};
use postrider_gmail::{Governed, LimitKind, WatchRequest};
use postrider_gmail_sim::{Deliver, MsgId, Rule};

use crate::harness::{ADDRESS, World};

async fn all_ids(api: &dyn GmailApi, label: Option<&LabelId>) -> Vec<MessageId> {
    let (mut ids, mut token) = (Vec::new(), None);
    loop {
        let page = api.list_messages(&ListPage { token: token.as_deref(), label, ..ListPage::WHOLE }).await.unwrap();
        ids.extend(page.ids.into_iter().map(|(id, _)| id));
        token = page.next_page_token;
        if token.is_none() {
            return ids;
        }
    }
}

fn room() -> Room {
    Memory::default().room(Part::Live)
}

fn id(message: MsgId) -> MessageId {
    MessageId::parse(message.to_string()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mailbox_seen_equals_the_truth() {
    let world = World::start(620).await;
    let (client, _) = world.connect().await;
    let truth = world.sim.world().truth(ADDRESS).unwrap();
    let profile = client.profile().await.unwrap();
    assert_eq!((profile.email.as_str(), profile.messages_total), (ADDRESS, 620));
    let ids = all_ids(&client, None).await;
    assert_eq!(ids.len(), truth.len());
    let mut seen = BTreeMap::new();
    for id in &ids {
        let raw = client.get_raw(id, &room()).await.unwrap();
        let mail = postrider_mail::parse(&raw.raw);
        assert!(!mail.notes.contains(&postrider_mail::Note::ParserFailed), "{id}");
        seen.insert(id.as_str().to_owned(), raw);
    }
    for (id, expected) in &truth {
        let raw = &seen[id];
        let labels = raw.labels.iter().map(|label| label.as_str().to_owned()).collect();
        assert_eq!(expected.labels, labels, "{id}");
        assert_eq!((raw.thread_id.as_str(), raw.history_id.0), (expected.thread_id.as_str(), expected.history_id));
        assert_eq!(raw.internal_date.unwrap().timestamp_millis(), expected.internal_date);
    }
    let spam = LabelId::parse("SPAM").unwrap();
    let expected = truth.values().filter(|mail| mail.labels.contains("SPAM")).count();
    assert_eq!(all_ids(&client, Some(&spam)).await.len(), expected);
    assert!(client.labels().await.unwrap().iter().any(|label| label.id.as_str() == "INBOX"));
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_come_by_history() {
    let world = World::start(5).await;
    let (client, _) = world.connect().await;
    let start = client.profile().await.unwrap().history_id;
    let mails = world.sim.world();
    let new = mails.deliver(ADDRESS, Deliver { subject: Some("fresh".to_owned()), ..Deliver::default() }).unwrap();
    mails.mark_read(ADDRESS, new, true).unwrap();
    let old = all_ids(&client, None).await.into_iter().find(|old| *old != id(new)).unwrap();
    let old: MsgId = old.as_str().parse().unwrap();
    mails.delete(ADDRESS, old).unwrap();

    let page = client.history(start, None).await.unwrap();
    assert!(page.records.windows(2).all(|pair| pair[0].id < pair[1].id));
    assert!(page.records.iter().flat_map(|record| &record.added).any(|added| added.message_id == id(new)));
    let removed: Vec<_> = page.records.iter().flat_map(|record| &record.labels_removed).collect();
    assert!(removed.iter().any(|change| change.labels.iter().any(|label| label.as_str() == "UNREAD")));
    assert!(page.records.iter().flat_map(|record| &record.deleted).any(|gone| gone.message_id == id(old)));
    assert!(page.history_id >= page.records.last().unwrap().id);

    let meta = client.get_minimal(&id(new)).await.unwrap();
    let raw = client.get_raw(&id(new), &room()).await.unwrap();
    assert_eq!((meta.history_id, &meta.labels), (raw.history_id, &raw.labels));
    assert_eq!(postrider_mail::parse(&raw.raw).subject.as_deref(), Some("fresh"));
    assert_eq!(client.get_raw(&id(old), &room()).await, Err(GmailError::NotFound));
    assert_eq!(client.get_minimal(&id(old)).await, Err(GmailError::NotFound));
    mails.expire_history(ADDRESS, 0).unwrap();
    mails.bump_history(ADDRESS).unwrap();
    assert_eq!(client.history(start, None).await, Err(GmailError::HistoryGone));
    assert_eq!(client.history(HistoryId(1), None).await, Err(GmailError::HistoryGone));
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_start_and_stop() {
    let world = World::start(1).await;
    let (client, _) = world.connect().await;
    let topic = world.sim.sim().push_config().topic;
    let answer = client.watch(&WatchRequest { topic }).await.unwrap();
    assert!(answer.expires_at > SystemClock.now() + TimeDelta::days(6));
    client.stop().await.unwrap();
    client.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_told_for_what_they_are() {
    let world = World::start(3).await;
    let (client, refresh) = world.connect().await;
    let mail = all_ids(&client, None).await.remove(0);
    let gate = &world.sim.sim().gate;
    let fail = |rule: Rule| {
        gate.remove_rules(None);
        gate.add_rule(rule)
    };
    let rule = |status: Option<u16>| Rule { status, count: Some(1), ..Rule::default() };

    fail(Rule { retry_after: Some(40), ..rule(Some(429)) });
    let error = client.get_raw(&mail, &room()).await.unwrap_err();
    assert!(matches!(error, GmailError::RateLimited { kind: LimitKind::Concurrency, .. }), "{error:?}");
    assert!(error.retry_at().unwrap() > SystemClock.now() + TimeDelta::seconds(30));

    fail(Rule { reason: Some("userRateLimitExceeded".to_owned()), retry_after_text: Some(90), ..rule(Some(403)) });
    let error = client.profile().await.unwrap_err();
    assert!(matches!(error, GmailError::RateLimited { kind: LimitKind::Quota, .. }), "{error:?}");
    assert!(error.retry_at().unwrap() > SystemClock.now() + TimeDelta::seconds(80));

    for status in [500, 502, 503, 504] {
        fail(rule(Some(status)));
        let error = client.get_raw(&mail, &room()).await.unwrap_err();
        assert!(matches!(error, GmailError::Transient { .. }), "{status}: {error:?}");
    }
    for _ in 0..3 {
        fail(Rule { truncate: true, ..rule(None) });
        assert!(matches!(client.get_raw(&mail, &room()).await, Err(GmailError::Transient { .. })));
        fail(Rule { truncate: true, ..rule(None) });
        assert!(matches!(client.profile().await, Err(GmailError::Transient { .. })));
    }
    fail(Rule { reason: Some("domainPolicy".to_owned()), ..rule(Some(403)) });
    assert!(matches!(client.profile().await, Err(GmailError::DomainPolicy)));

    // A refused token is replaced behind the caller's back; a revoked grant is not.
    fail(rule(Some(401)));
    client.get_raw(&mail, &room()).await.unwrap();
    gate.remove_rules(None);
    world.oauth.revoke(&refresh).await.unwrap();
    assert_eq!(client.profile().await, Err(GmailError::Token(TokenError::ReauthRequired)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_governed_client_slows_down_when_told() {
    let world = World::start(3).await;
    let (client, _) = world.connect().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let config = GovernorConfig::default();
    let dearest = config.quota.costs.dearest();
    // A bucket that was empty a minute ago is full now.
    let bucket = UserBucket::empty(6_000, dearest, clock.now() - TimeDelta::minutes(1));
    let gate = ProjectGate::new(SliceRule::new(1_200_000, dearest), Arc::new(LocalSlices::default()), clock.clone());
    let governor = Governor::new(config, Arc::new(LocalUnits::new(bucket, clock.clone())), Arc::new(gate), clock);
    let api = Governed::new(Arc::new(client), governor.clone(), Lane::Live);
    let mail = all_ids(&api, None).await.remove(0);
    api.get_raw(&mail, &room()).await.unwrap();
    assert_eq!((governor.spent(), governor.concurrency()), (25, 5));
    let rule = Rule { status: Some(429), count: Some(1), retry_after: Some(3_600), ..Rule::default() };
    world.sim.sim().gate.add_rule(rule);
    let told = api.get_raw(&mail, &room()).await.unwrap_err();
    let held = api.get_raw(&mail, &room()).await.unwrap_err();
    assert_eq!(held, GmailError::RateLimited { kind: LimitKind::Held, retry_at: told.retry_at() });
    assert_eq!(governor.concurrency(), 2);
}
