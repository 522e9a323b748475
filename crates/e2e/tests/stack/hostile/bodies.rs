//! JSON bodies: a good one for each route, spoilt in one place at a time.

use serde_json::{Value, json};

use super::ids;
use super::operations::Operation;
use super::row::{Body, Row};
use super::stage::Stage;

/// Larger than any route takes (1 MiB).
const TOO_LARGE: usize = 1024 * 1024 + 1;
const NOBODYS: &str = "00000000-0000-7000-8000-000000000000";

/// A body the route would take, with every member it knows (or one of two that exclude each other).
pub fn good(operation: &Operation, stage: &Stage) -> Option<Value> {
    if !operation.takes_json || operation.open {
        return None;
    }
    let connector = stage.account.connector;
    let verifier = "v".repeat(43);
    let settings = json!({
        "polling_interval": "fast", "label_ids": ["INBOX"], "label_filter_action": "include", "attachments": "lazy",
        "attachment_max_bytes": 1_000, "include_spam_trash": false, "sync_since": "2026-01-01T00:00:00Z",
    });
    Some(match operation.to_string().as_str() {
        "POST /api/auth/google/gmail" => {
            json!({"auth_code": "4/0x", "code_verifier": verifier, "redirect_uri": "postmessage"})
        }
        "POST /api/connectors" => json!({
            "type": "email", "provider": "gmail", "auth_code": "4/0x", "code_verifier": verifier, "settings": settings,
        }),
        "PATCH /api/connectors/{connector_id}" => {
            json!({"display_name": "n", "status": "paused", "settings": settings})
        }
        "POST /api/notifications" => json!({
            "title": "t", "message": "m", "senderEmail": "a@example.com", "senderName": "n", "accountId": connector,
            "data": {},
        }),
        "POST /api/notifications/bulk-read" => json!({"notificationIds": [stage.notification]}),
        "POST /api/v1/gmail/watch/start" => json!({
            "topic_name": "projects/p/topics/gmail", "label_ids": ["INBOX"], "label_filter_action": "include",
            "connector_id": connector,
        }),
        "POST /api/v1/gmail/watch/stop" => json!({"connector_id": connector}),
        "POST /gmail/sync" => json!({"force_full_sync": true, "max_results": 10}),
        "PUT /api/notifications/preferences" => json!({
            "notifyError": true, "digestFrequency": "daily", "digestTime": "09:00", "digestTimezone": "Europe/Rome",
            "channels": ["in_app"], "silencedSenders": ["a@b.c"], "silencedFolders": ["Promotions"],
            "quietHoursEnabled": true, "quietHoursStart": "22:00", "quietHoursEnd": "08:00",
            "quietHoursTimezone": "Europe/Rome", "includeContent": true,
        }),
        "POST /api/notifications/preferences/silence" | "POST /api/notifications/preferences/unsilence" => {
            json!({"type": "sender", "value": "a@b.c"})
        }
        "POST /api/notifications/preferences/simulate" => {
            json!({"at": 1_796_000_000_000_i64, "type": "new_message", "sender": "a@b.c", "folder": "INBOX"})
        }
        "POST /api/notifications/digests/send" => json!({"frequency": "daily"}),
        "POST /api/notifications/addresses" => json!({"address": "a@b.c"}),
        "POST /api/v1/api-keys" => {
            json!({"name": "n", "scopes": ["read"], "expires_at": "2036-01-01T00:00:00Z"})
        }
        "POST /api/v1/connect-links" => json!({"connector_id": connector, "expires_in": 3_600}),
        "POST /api/v1/emails/processed" => json!({"ids": [stage.email], "processed": true}),
        "POST /api/v1/emails/{id}/processed" => json!({"processed": true}),
        "POST /api/v1/gmail/watch/channels" => json!({"connector_id": connector}),
        "POST /api/v1/gmail/watch/queue/process" => json!({"batch_size": 10, "retry_failed": true}),
        "POST /api/v1/webhook-endpoints" => json!({
            "url": "https://example.com/hook", "event_types": ["email.received"], "account_ids": [connector],
            "include_content": true, "whole_tenant": false,
        }),
        "PATCH /api/v1/webhook-endpoints/{id}" => json!({
            "url": "https://example.com/hook", "event_types": ["email.received"], "include_content": true,
            "status": "enabled",
        }),
        "POST /api/v1/webhook-endpoints/{id}/replay" => json!({"from_seq": 1, "account_id": connector}),
        "POST /api/notifications/push/subscriptions" => browser("https://push.example/hostile"),
        "POST /api/triggers" => json!({
            "name": "n", "enabled": true, "type": "email", "config": {"connector_id": connector, "subject": "x"},
            "deliver": [{"channel": "in_app"}],
        }),
        "PATCH /api/triggers/{id}" => json!({
            "name": "n", "enabled": true, "config": {"connector_id": connector}, "deliver": [],
        }),
        other => panic!("{other}: say here what a good body of it is"),
    })
}

/// What a browser gives; its keys are those of the standard's example.
pub fn browser(endpoint: &str) -> Value {
    json!({
        "endpoint": endpoint, "expirationTime": 2_000_000_000_000_i64,
        "keys": {
            "p256dh": "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    })
}

/// Values that are of the right type and mean nothing, by operation and member.
fn meaningless(operation: &Operation) -> Vec<(&'static str, Value, &'static [u16])> {
    let long = |n: usize| Value::from("x".repeat(n));
    match operation.to_string().as_str() {
        "POST /api/auth/google/gmail" => vec![
            ("auth_code", json!(""), &[422]),
            ("auth_code", json!("\0"), &[422]),
            ("code_verifier", json!("short"), &[422]),
            ("redirect_uri", json!("https://evil.example/"), &[422]),
        ],
        "POST /api/connectors" => vec![
            ("type", json!("sms"), &[422]),
            ("provider", json!("imap"), &[422]),
            ("auth_code", json!("\0"), &[422]),
            ("refresh_token", json!("1//both"), &[422]),
            ("settings", json!({"polling_interval": "sometimes"}), &[422]),
            ("settings", json!({"no_such_setting": 1}), &[422]),
        ],
        "PATCH /api/connectors/{connector_id}" => vec![
            ("display_name", json!(""), &[422]),
            ("display_name", json!("a\0b"), &[422]),
            ("display_name", long(201), &[422]),
            ("status", json!("disconnected"), &[422]),
            ("settings", json!({"polling_interval": "sometimes"}), &[422]),
            ("settings", json!({"label_filter_action": "maybe"}), &[422]),
            ("settings", json!({"label_ids": ["a\0b"]}), &[422]),
            ("settings", json!({"label_ids": "INBOX"}), &[422]),
            ("settings", json!({"attachment_max_bytes": -1}), &[422]),
            ("settings", json!({"attachment_max_bytes": 1e300}), &[422]),
            ("settings", json!({"sync_since": "yesterday"}), &[422]),
            ("settings", json!({"no_such_setting": 1}), &[422]),
        ],
        "POST /api/notifications" => vec![
            ("title", json!(" "), &[422]),
            ("title", json!("a\0b"), &[422]),
            ("title", long(201), &[422]),
            ("message", long(5_001), &[422]),
            ("senderEmail", json!("nobody"), &[422]),
            ("senderName", json!("a\0b"), &[422]),
            ("accountId", json!("42"), &[422]),
            ("accountId", json!(NOBODYS), &[404]),
            ("data", json!({"a": "x".repeat(17 * 1024)}), &[422]),
        ],
        "POST /api/notifications/bulk-read" => vec![
            ("notificationIds", json!(["not-an-id"]), &[422]),
            ("notificationIds", json!([7]), &[422]),
            ("notificationIds", json!(vec![NOBODYS; 1_001]), &[422]),
        ],
        "POST /api/v1/gmail/watch/start" => vec![
            ("topic_name", json!("topic"), &[422]),
            ("topic_name", json!("projects/p/topics/a\0b"), &[422]),
            ("label_ids", json!(["a\0b"]), &[422]),
            ("label_ids", json!([""]), &[422]),
            ("label_filter_action", json!("maybe"), &[422]),
            ("connector_id", json!("42"), &[422]),
            ("connector_id", json!(NOBODYS), &[404]),
        ],
        "POST /api/v1/gmail/watch/stop" => {
            vec![("connector_id", json!("42"), &[422]), ("connector_id", json!(NOBODYS), &[404])]
        }
        "POST /gmail/sync" => vec![
            ("max_results", json!(0), &[422]),
            ("max_results", json!(5_001), &[422]),
            ("max_results", json!(-1), &[422]),
            ("max_results", json!(1.5), &[422]),
            ("max_results", json!(1e300), &[422]),
        ],
        _ => meaningless_to_programs(operation),
    }
}

/// The same of preferences and of what programs use.
fn meaningless_to_programs(operation: &Operation) -> Vec<(&'static str, Value, &'static [u16])> {
    match operation.to_string().as_str() {
        "PUT /api/notifications/preferences" => vec![
            ("digestTimezone", json!("Mars/Olympus"), &[422]),
            ("digestTime", json!("25:00"), &[422]),
            ("digestFrequency", json!("hourly"), &[422]),
            ("channels", json!(["pigeon"]), &[422]),
            ("silencedSenders", json!(["nobody"]), &[422]),
            ("quietHoursEnd", json!("22:00"), &[422]),
        ],
        "POST /api/notifications/preferences/silence" => {
            vec![("value", json!(""), &[422]), ("value", json!("nobody"), &[422]), ("type", json!("moon"), &[422])]
        }
        "POST /api/notifications/preferences/simulate" => vec![("type", json!("no_such_type"), &[422])],
        "POST /api/notifications/digests/send" => vec![("frequency", json!("none"), &[422])],
        "POST /api/notifications/addresses" => vec![("address", json!("nobody"), &[422])],
        "POST /api/v1/api-keys" => vec![
            ("name", json!(""), &[422]),
            ("scopes", json!(["admin"]), &[422]),
            ("expires_at", json!("2020-01-01T00:00:00Z"), &[422]),
        ],
        "POST /api/v1/connect-links" => vec![
            ("connector_id", json!("42"), &[422]),
            ("connector_id", json!(NOBODYS), &[404]),
            ("expires_in", json!(604_801), &[422]),
        ],
        "POST /api/v1/emails/processed" => vec![("ids", json!([]), &[422]), ("ids", json!(["42"]), &[422])],
        "POST /api/v1/gmail/watch/channels" => {
            vec![("connector_id", json!("42"), &[422]), ("connector_id", json!(NOBODYS), &[404])]
        }
        "POST /api/v1/gmail/watch/queue/process" => vec![("batch_size", json!(0), &[422])],
        "POST /api/v1/webhook-endpoints" => vec![
            ("url", json!("http://example.com/"), &[422]),
            ("url", json!("https://127.0.0.1/"), &[422]),
            ("event_types", json!(["no.such.type"]), &[422]),
            ("account_ids", json!([NOBODYS]), &[404]),
            ("whole_tenant", json!(true), &[403]),
        ],
        "PATCH /api/v1/webhook-endpoints/{id}" => {
            vec![("url", json!("https://[::1]/"), &[422]), ("status", json!("asleep"), &[422])]
        }
        "POST /api/notifications/push/subscriptions" => vec![
            ("endpoint", json!("http://push.example/"), &[422]),
            ("endpoint", json!("https://169.254.169.254/"), &[422]),
            ("endpoint", json!("https://no-push-service.example/push.example"), &[422]),
            ("keys", json!({"p256dh": "AA", "auth": "AA"}), &[422]),
            ("expirationTime", json!(-1), &[422]),
        ],
        "POST /api/triggers" => vec![
            ("name", json!(""), &[422]),
            ("type", json!("email:gmail"), &[422]),
            ("config", json!({"connector_id": NOBODYS}), &[404]),
        ],
        _ => Vec::new(),
    }
}

/// The rows of one operation.
pub fn rows(operation: &Operation, stage: &Stage) -> Vec<Row> {
    let Some(good) = good(operation, stage) else { return Vec::new() };
    let path = ids::real(&operation.path, stage);
    let mut rows = Vec::new();
    let row = |body: Body, wants: &'static [u16], why: &str| {
        Row::new(operation.method.clone(), path.clone(), wants, why).with(body)
    };
    let with = |name: &str, value: Value| {
        let mut body = good.clone();
        body[name] = value;
        Body::Json(body)
    };
    rows.push(row(with("no_such_member", json!(1)), &[422], "an unknown member").naming("no_such_member"));
    for (name, value) in good.as_object().expect("a good body is an object") {
        rows.push(row(with(name, of_another_type(value)), &[422], "a wrong type").naming(name));
    }
    for (name, value, wants) in meaningless(operation) {
        let why = format!("{name} = {}", value.to_string().chars().take(60).collect::<String>());
        let row = row(with(name, value), wants, &why);
        rows.push(if wants == [422] { row.naming(name) } else { row });
    }
    rows.extend(of_a_wrong_form(operation, &good).into_iter().map(|(body, wants, why)| row(body, wants, why)));
    rows
}

/// Bodies that are no JSON object at all.
fn of_a_wrong_form(operation: &Operation, good: &Value) -> Vec<(Body, &'static [u16], &'static str)> {
    let text = good.to_string();
    let raw = |kind, bytes: &[u8]| Body::Raw(kind, bytes.to_vec());
    let json = |bytes: &[u8]| raw("application/json", bytes);
    let large = [vec![b' '; TOO_LARGE].as_slice(), text.as_bytes()].concat();
    let mut all: Vec<(Body, &'static [u16], &'static str)> = vec![
        (Body::Json(json!([])), &[422], "a list"),
        (Body::Json(json!("text")), &[422], "a text"),
        (Body::Json(json!(7)), &[422], "a number"),
        (Body::Json(json!([good])), &[422], "a list around it"),
        (json(text.get(..text.len() - 1).unwrap_or_default().as_bytes()), &[400], "broken off"),
        (json(format!("{text} {{}}").as_bytes()), &[400], "two documents"),
        (json(b"\0"), &[400], "a NUL"),
        (json(b"{\"\xff\xfe\": 1}"), &[400], "no UTF-8"),
        (json(&[b'['; 100_000]), &[400], "too deep"),
        (json(&large), &[413], "too large"),
        (raw("text/plain", text.as_bytes()), &[415], "plain text"),
        (raw("application/x-www-form-urlencoded", b"a=1"), &[415], "a form"),
    ];
    if !operation.body_optional {
        all.push((Body::None, &[415], "no body"));
        all.push((json(b""), &[400], "an empty body"));
    }
    all
}

/// No member of ours may be of two types.
fn of_another_type(value: &Value) -> Value {
    match value {
        Value::String(_) => json!(7),
        Value::Object(_) => json!([]),
        _ => json!("x"),
    }
}
