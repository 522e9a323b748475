//! What preferences do to a notification.

use chrono::DateTime;

use super::*;
use crate::rules::preferences::{WallTime, Zone};

fn at(text: &str) -> Timestamp {
    DateTime::parse_from_rfc3339(text).unwrap().to_utc()
}

fn shown(now: &str, preferences: &Preferences, event: Occasion) -> Vec<(Channel, Outcome, String)> {
    let decisions = decide(at(now), preferences, event);
    decisions.into_iter().map(|decision| (decision.channel, decision.outcome, decision.reason)).collect()
}

fn of(channel: Channel, now: &str, preferences: &Preferences, event: Occasion) -> (Outcome, String) {
    let found = shown(now, preferences, event).into_iter().find(|decision| decision.0 == channel).unwrap();
    (found.1, found.2)
}

const NOON: &str = "2026-06-01T12:00:00Z";
const MAIL: Occasion = Occasion::plain(Kind::NewMessage, "type_on");

fn berlin_nights() -> Preferences {
    Preferences {
        quiet_hours_enabled: true,
        quiet_hours_start: WallTime::hour(22),
        quiet_hours_end: WallTime::hour(8),
        quiet_hours_timezone: Zone::parse("Europe/Berlin").unwrap(),
        ..Preferences::default()
    }
}

#[test]
fn every_channel_is_decided_once_whatever_is_set() {
    let off = Preferences { notify_new_message: false, ..Preferences::default() };
    let silenced = Occasion { silenced: Some("sender_silenced"), ..MAIL };
    for (preferences, event) in [(Preferences::default(), MAIL), (off, MAIL), (berlin_nights(), silenced)] {
        let channels: Vec<_> = shown(NOON, &preferences, event).into_iter().map(|decision| decision.0).collect();
        assert_eq!(channels, Channel::ALL);
    }
}

#[test]
fn a_type_that_is_off_has_no_row_and_a_silenced_one_has_nothing_else() {
    let off = Preferences { notify_new_message: false, ..Preferences::default() };
    for channel in Channel::ALL {
        assert_eq!(of(*channel, NOON, &off, MAIL), (Outcome::Skipped, "type_off".to_owned()));
    }
    // The first sync tells whatever is set.
    let first = Occasion::plain(Kind::SyncComplete, "first_sync");
    assert_eq!(of(Channel::Row, NOON, &Preferences::default(), first), (Outcome::Done, "first_sync".to_owned()));
    let silenced = Occasion { silenced: Some("folder_silenced"), ..MAIL };
    for channel in Channel::ALL {
        let outcome = if *channel == Channel::Row { Outcome::Done } else { Outcome::Skipped };
        assert_eq!(of(*channel, NOON, &Preferences::default(), silenced), (outcome, "folder_silenced".to_owned()));
    }
}

#[test]
fn quiet_hours_hold_the_alert_but_neither_the_row_nor_an_alarm() {
    let night = "2026-06-01T21:00:00Z";
    assert_eq!(of(Channel::Row, night, &berlin_nights(), MAIL).0, Outcome::Done);
    assert_eq!(of(Channel::Live, night, &berlin_nights(), MAIL), (Outcome::Held, "quiet_hours".to_owned()));
    let live = decide(at(night), &berlin_nights(), MAIL).remove(1);
    assert_eq!(live.until, Some(at("2026-06-02T06:00:00Z").timestamp_millis()));
    assert_eq!(live.local_time, "2026-06-01T23:00:00+02:00[Europe/Berlin]");
    let alarm = Occasion { alarm: true, ..Occasion::plain(Kind::ErrorOccurred, "type_on") };
    assert_eq!(of(Channel::Live, night, &berlin_nights(), alarm), (Outcome::Done, "alarm".to_owned()));
    assert_eq!(of(Channel::Live, NOON, &berlin_nights(), MAIL), (Outcome::Done, "channel_on".to_owned()));
}

#[test]
fn mails_are_held_at_night_and_do_not_tell_of_mails_that_say_they_are_ours() {
    let wanted = Preferences {
        channels: vec![Way::Email],
        digest_frequency: crate::rules::preferences::Frequency::Daily,
        ..berlin_nights()
    };
    assert_eq!(of(Channel::Email, NOON, &wanted, MAIL), (Outcome::Queued, "channel_on".to_owned()));
    assert_eq!(of(Channel::Digest, NOON, &wanted, MAIL), (Outcome::Queued, "in_next_digest".to_owned()));
    let night = "2026-06-01T21:00:00Z";
    assert_eq!(of(Channel::Email, night, &wanted, MAIL), (Outcome::Held, "quiet_hours".to_owned()));
    let alarm = Occasion { alarm: true, ..Occasion::plain(Kind::ErrorOccurred, "type_on") };
    assert_eq!(of(Channel::Email, night, &wanted, alarm), (Outcome::Queued, "alarm".to_owned()));
    let ours = Occasion { ours: true, ..MAIL };
    for (channel, expected) in
        [(Channel::Email, Outcome::Skipped), (Channel::Digest, Outcome::Skipped), (Channel::Row, Outcome::Done)]
    {
        assert_eq!(of(channel, NOON, &wanted, ours).0, expected);
    }
    // Without a mail server there are none, and everything else stays as it is.
    let decided = decide(at(NOON), &wanted, MAIL);
    for (with, without) in decided.clone().into_iter().zip(without_mails(decided)) {
        let by_mail = matches!(with.channel, Channel::Email | Channel::Digest);
        assert_eq!(without.reason == "channel_not_available", by_mail, "{without:?}");
        assert!(by_mail || with == without);
    }
}

#[test]
fn without_in_app_there_is_a_row_and_no_alert() {
    let email = Preferences { channels: vec![Way::Email], ..Preferences::default() };
    assert_eq!(of(Channel::Row, NOON, &email, MAIL).0, Outcome::Done);
    assert_eq!(of(Channel::Live, NOON, &email, MAIL), (Outcome::Skipped, "channel_off".to_owned()));
}
