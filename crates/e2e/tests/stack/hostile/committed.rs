//! `docs/openapi.json` is what the services say today.

use serde_json::{Value, json};

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
/// Set by `make openapi`: writes the file instead of comparing it.
const WRITE: &str = "POSTRIDER_WRITE_OPENAPI";

/// What differs from the committed document, as operations and schemas.
pub fn differences(document: &Value) -> Vec<String> {
    let mut today = document.clone();
    // The stack of a test has ports of its own.
    today["servers"] = json!([{ "url": "http://localhost:8000" }]);
    if std::env::var_os(WRITE).is_some() {
        let text = serde_json::to_string_pretty(&today).unwrap();
        std::fs::write(COMMITTED, format!("{text}\n")).unwrap();
    }
    let committed = std::fs::read_to_string(COMMITTED).unwrap_or_default();
    let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
    let mut found = Vec::new();
    compare("", &committed, &today, &mut found);
    found
}

/// Walks both; where one has no member of that name, or a value differs, its place is told.
fn compare(place: &str, committed: &Value, today: &Value, found: &mut Vec<String>) {
    match (committed, today) {
        (Value::Object(old), Value::Object(new)) => {
            for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
                compare(&format!("{place}/{name}"), &committed[name], &today[name], found);
            }
        }
        _ if committed == today => {}
        _ => found.push(place.to_owned()),
    }
}
