use chrono::TimeDelta;
use postrider_domain::{Clock, MockClock};

use super::*;

fn admit(gate: &Gate, clock: &MockClock, method: Method) -> Result<Permit, ApiError> {
    gate.admit("a@example.com", method, None, clock.now()).permit
}

#[test]
fn a_user_gets_300_fetches_a_minute_in_2026_and_more_before() {
    for (quota, fetches) in [(Quota::gmail_2026(), 300), (Quota::legacy(), 3_000)] {
        let (gate, clock) = (Gate::new(quota, 1), MockClock::default());
        for _ in 0..fetches {
            admit(&gate, &clock, Method::MessagesGet).unwrap();
        }
        let refused = admit(&gate, &clock, Method::MessagesGet).unwrap_err();
        assert!(matches!(refused.status, 403 | 429), "{refused}");
        assert!(gate.admit("b@example.com", Method::MessagesGet, None, clock.now()).permit.is_ok(), "per user");
        clock.advance(TimeDelta::seconds(60));
        admit(&gate, &clock, Method::MessagesGet).unwrap();
    }
}

#[test]
fn every_form_of_the_limit_error_names_what_a_client_needs() {
    let clock = MockClock::default();
    let refused = |style| {
        let gate = Gate::new(Quota { per_user: Some(1), style, ..Quota::off() }, 1);
        let error = admit(&gate, &clock, Method::MessagesGet).unwrap_err();
        (error.status, error.reason.to_string(), error.message.clone(), error.retry_after)
    };
    let (status, reason, text, _) = refused(LimitStyle::Metric403);
    assert_eq!((status, reason.as_str()), (403, "rateLimitExceeded"));
    assert!(text.starts_with("Quota exceeded for quota metric"));
    let (status, reason, text, _) = refused(LimitStyle::User429);
    assert_eq!((status, reason.as_str()), (429, "userRateLimitExceeded"));
    assert!(text.ends_with("Retry after 2026-01-01T00:01:00.000Z"), "{text}");
    assert_eq!(refused(LimitStyle::Header429).3, Some(60));
    let gate = Gate::new(Quota { per_day: Some(1), ..Quota::off() }, 1);
    assert_eq!(admit(&gate, &clock, Method::MessagesGet).unwrap_err().reason, "dailyLimitExceeded");
    let gate = Gate::new(Quota { per_project: Some(20), ..Quota::off() }, 1);
    admit(&gate, &clock, Method::MessagesGet).unwrap();
    assert!(gate.admit("b@example.com", Method::MessagesGet, None, clock.now()).permit.is_err(), "for all users");
}

#[test]
fn concurrency_is_limited_and_counted() {
    let (gate, clock) = (Gate::new(Quota { concurrency: Some(2), ..Quota::off() }, 1), MockClock::default());
    let held = [admit(&gate, &clock, Method::GetProfile).unwrap(), admit(&gate, &clock, Method::GetProfile).unwrap()];
    assert_eq!(admit(&gate, &clock, Method::GetProfile).unwrap_err().status, 429);
    drop(held);
    admit(&gate, &clock, Method::GetProfile).unwrap();
    assert_eq!(gate.stats().max_concurrency.get("a@example.com"), Some(&2));
    assert_eq!(gate.stats().methods.get("getProfile").unwrap().calls, 4);
}

#[test]
fn rules_skip_hit_and_end() {
    let (gate, clock) = (Gate::new(Quota::off(), 1), MockClock::default());
    let rule = Rule {
        method: Some("messages.get".into()),
        status: Some(500),
        skip: 1,
        count: Some(2),
        retry_after: Some(7),
        ..Rule::default()
    };
    gate.add_rule(rule);
    let statuses: Vec<u16> =
        (0..5).map(|_| admit(&gate, &clock, Method::MessagesGet).map_or_else(|error| error.status, |_| 200)).collect();
    assert_eq!(statuses, [200, 500, 500, 200, 200]);
    assert!(gate.rules().is_empty());

    gate.add_rule(Rule { message: Some("00ff".into()), status: Some(404), ..Rule::default() });
    assert!(gate.admit("a@example.com", Method::MessagesGet, Some("00fe"), clock.now()).permit.is_ok());
    assert_eq!(
        gate.admit("a@example.com", Method::MessagesGet, Some("00ff"), clock.now()).permit.unwrap_err().status,
        404
    );
    gate.remove_rules(None);
    gate.add_rule(Rule { latency_ms: Some(5), rate: 1.0, ..Rule::default() });
    let slow = gate.admit("a@example.com", Method::GetProfile, None, clock.now());
    assert!(slow.permit.is_ok());
    assert_eq!(slow.latency, Some(Duration::from_millis(5)));
}
