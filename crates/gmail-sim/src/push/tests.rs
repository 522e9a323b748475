use chrono::TimeDelta;
use postrider_domain::{Clock, MockClock, Timestamp};

use super::*;
use crate::world::Notification;

fn message(id: &str, at: Timestamp) -> Notification {
    Notification {
        message_id: id.into(),
        publish_time: at,
        topic: PushConfig::default().topic,
        email_address: "demo@example.com".into(),
        history_id: 7,
    }
}

fn queue(faults: PushFaults, ids: &[&str], now: Timestamp) -> Queue {
    let mut queue = Queue::new(0, 1);
    *queue.faults() = faults;
    ids.iter().for_each(|id| queue.publish(message(id, now), now));
    queue
}

fn sent(queue: &mut Queue, now: Timestamp) -> Vec<String> {
    queue.take(now).into_iter().map(|job| job.notification.message_id).collect()
}

#[test]
fn only_five_statuses_are_acks() {
    let acking: Vec<u16> = (100..600).filter(|status| acks(*status)).collect();
    assert_eq!(acking, [102, 200, 201, 202, 204]);
}

#[test]
fn nacks_back_off_until_one_is_acknowledged() {
    let clock = MockClock::default();
    let mut queue = queue(PushFaults::default(), &["a"], clock.now());
    let mut waits = Vec::new();
    for attempt in 1..=12 {
        let job = queue.take(clock.now()).remove(0);
        assert_eq!(job.attempt, attempt);
        queue.done(job.key, (attempt % 2 == 0).then_some(503), clock.now());
        let wait = queue.next_due().unwrap() - clock.now();
        waits.push(wait.num_milliseconds());
        clock.advance(wait);
    }
    assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000, 60_000]);
    let job = queue.take(clock.now()).remove(0);
    queue.done(job.key, Some(204), clock.now());
    assert_eq!((queue.acked(), queue.outstanding()), (1, 0));
}

#[test]
fn a_nack_holds_up_the_whole_subscription() {
    let clock = MockClock::default();
    let mut queue = queue(PushFaults::default(), &["a"], clock.now());
    let job = queue.take(clock.now()).remove(0);
    queue.done(job.key, Some(500), clock.now());
    queue.publish(message("b", clock.now()), clock.now());
    queue.publish(message("c", clock.now()), clock.now());
    assert!(queue.take(clock.now()).is_empty(), "b and c wait too");
    clock.advance(TimeDelta::milliseconds(100));
    let job = queue.take(clock.now());
    assert_eq!(job.len(), 1, "one at a time until an ack");
    queue.done(job[0].key, Some(200), clock.now());
    assert_eq!(queue.take(clock.now()).len(), 2);
}

#[test]
fn the_retry_policy_sets_a_least_wait_for_the_message_alone() {
    let clock = MockClock::default();
    let mut queue = Queue::new(10, 1);
    queue.publish(message("a", clock.now()), clock.now());
    let job = queue.take(clock.now()).remove(0);
    queue.done(job.key, Some(400), clock.now());
    queue.publish(message("b", clock.now()), clock.now());
    clock.advance(TimeDelta::milliseconds(100));
    assert_eq!(sent(&mut queue, clock.now()), ["b"]);
    clock.advance(TimeDelta::seconds(10));
    assert!(queue.next_due().unwrap() <= clock.now());
}

#[test]
fn drops_duplicates_and_delays_by_count() {
    let now = MockClock::default().now();
    let mut dropped = queue(PushFaults { drop_next: 1, ..PushFaults::default() }, &["a", "b"], now);
    assert_eq!(sent(&mut dropped, now), ["b"]);
    let mut twice = queue(PushFaults { duplicate_next: 1, ..PushFaults::default() }, &["a", "b"], now);
    assert_eq!(sent(&mut twice, now), ["a", "a", "b"]);
    let faults = PushFaults { delay_next: 1, delay_ms: 500, ..PushFaults::default() };
    let mut delayed = queue(faults, &["a", "b"], now);
    assert_eq!(sent(&mut delayed, now), ["b"]);
    assert_eq!(sent(&mut delayed, now + TimeDelta::milliseconds(500)), ["a"]);
    let mut reordered = queue(PushFaults { reorder_next: 1, ..PushFaults::default() }, &["a", "b"], now);
    assert_eq!(sent(&mut reordered, now), ["b"]);
    let mut paused = queue(PushFaults { paused: true, ..PushFaults::default() }, &["a"], now);
    assert!(sent(&mut paused, now).is_empty());
    paused.faults().paused = false;
    assert_eq!(sent(&mut paused, now), ["a"]);
}

#[test]
fn probabilities_hit_about_as_often_as_they_say() {
    let now = MockClock::default().now();
    let mut queue = Queue::new(0, 9);
    queue.faults().drop = 0.3;
    (0..1_000).for_each(|_| queue.publish(message("a", now), now));
    assert!((600..800).contains(&queue.outstanding()), "{}", queue.outstanding());
}

#[test]
fn what_is_not_acknowledged_for_seven_days_is_gone() {
    let clock = MockClock::default();
    let mut queue = queue(PushFaults::default(), &["a"], clock.now());
    clock.advance(TimeDelta::days(8));
    assert!(queue.take(clock.now()).is_empty());
    assert_eq!(queue.log().last().unwrap().outcome, "expired");
}
