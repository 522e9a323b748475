//! Query parameters: each documented one with values it cannot have, all else as it should be.

use serde_json::Value;

use super::bodies;
use super::ids;
use super::operations::Operation;
use super::row::{Body, Row};
use super::stage::Stage;

/// Parameters that are refused for what they mean; the schema does not tell.
const BY_NAME: &[(&str, &str, &[u16])] = &[
    ("cursor", "!!", &[422]),
    ("cursor", "AAAA", &[422]),
    ("user_email", "nobody", &[422]),
    ("user_email", "other@example.com", &[404]),
    ("return_to", "https://evil.example/", &[422]),
    ("return_to", "//evil.example", &[422]),
    ("type", "no_such_type", &[422]),
    ("page", "0", &[422]),
    ("page", "100001", &[422]),
    ("max_results", "0", &[422]),
    ("max_results", "5001", &[422]),
    ("connector_id", "42", &[422]),
];
/// NUL in a text: Postgres holds none, so no text of ours has one.
const NUL: &str = "%00";

/// The rows of one operation.
pub fn rows(operation: &Operation, stage: &Stage) -> Vec<Row> {
    let path = ids::real(&operation.path, stage);
    let body = bodies::good(operation, stage).map_or(Body::None, Body::Json);
    let row = |query: String, wants: &'static [u16], why: &str| {
        Row::new(operation.method.clone(), format!("{path}?{query}"), wants, why).with(body.clone())
    };
    if operation.open {
        // Google's callback: whatever comes, there is no such consent. Google may add parameters of its own.
        let given = operation.query.iter().map(|(name, _)| row(format!("{name}=never-given"), &[422], "no consent"));
        let odd = operation.query.iter().map(|(name, _)| row(format!("{name}={NUL}"), &[422], "a NUL"));
        return given.chain(odd).collect();
    }
    let mut rows = Vec::new();
    for (name, schema) in &operation.query {
        // A ticket is a proof: one that cannot be one is like one that is none; and it is for the stream alone.
        let (wants, is_proof): (&'static [u16], bool) =
            if name == "ticket" { (&[401, 422], true) } else { (&[422], false) };
        for value in outside(schema) {
            let row = row(format!("{name}={value}"), wants, "a value outside its type");
            rows.push(if is_proof { row } else { row.naming(name) });
        }
        for (_, value, wants) in BY_NAME.iter().filter(|(of, ..)| of == name) {
            let row = row(format!("{name}={value}"), wants, "a value without meaning");
            rows.push(if *wants == [422] { row.naming(name) } else { row });
        }
        let twice = inside(schema);
        rows.push(row(format!("{name}={twice}&{name}={twice}"), &[422], "twice").naming(name));
    }
    if !operation.query.is_empty() {
        rows.push(row("no_such_name=1".to_owned(), &[422], "an unknown parameter").naming("no_such_name"));
    }
    rows
}

/// Values that the documented type does not have.
fn outside(schema: &Value) -> Vec<String> {
    let text = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    if schema["enum"].is_array() {
        return text(&["no-such-value", ""]);
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("integer"), _) => {
            let mut values = text(&["abc", "", "-1", "1.5", "99999999999999999999"]);
            values.extend(schema["minimum"].as_i64().map(|least| (least - 1).to_string()));
            values.extend(schema["maximum"].as_i64().map(|most| (most + 1).to_string()));
            values
        }
        (Some("boolean"), _) => text(&["maybe", "", "1"]),
        (Some("string"), Some("uuid")) => text(&["42", "", NUL]),
        (Some("string"), Some("date-time")) => text(&["yesterday", "", "2026-13-01T00:00:00Z"]),
        _ => text(&[NUL]),
    }
}

/// A value it may have.
fn inside(schema: &Value) -> String {
    match (schema["type"].as_str(), schema["format"].as_str()) {
        _ if schema["enum"].is_array() => schema["enum"][0].as_str().unwrap_or_default().to_owned(),
        (Some("integer"), _) => "1".to_owned(),
        (Some("boolean"), _) => "false".to_owned(),
        (Some("string"), Some("date-time")) => "2026-01-01T00:00:00Z".to_owned(),
        (Some("string"), Some("uuid")) => "00000000-0000-7000-8000-000000000000".to_owned(),
        _ => "a".to_owned(),
    }
}
