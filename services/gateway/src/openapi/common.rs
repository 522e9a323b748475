//! What holds for every operation and no service should have to repeat: the answers the gateway itself may give, the
//! header that makes a write repeatable, a name that is unique over all services, and the content type of problems.

use actix_web::http::StatusCode;
use serde_json::{Map, Value, json};

use crate::routes::{Access, Verb};

/// The schema of problems, as services name it.
const PROBLEM: &str = "#/components/schemas/ProblemDocument";
const PROBLEM_JSON: &str = "application/problem+json";

/// Groups of operations, in the order of the document.
const TAGS: [(&str, &str); 12] = [
    ("auth", "Connecting a Google account."),
    ("connectors", "Connected accounts."),
    ("watch", "Gmail's watches, the queue of pushes, channels."),
    ("intake", "Where Google's pushes arrive."),
    ("sync", "Runs and statistics of synchronisation."),
    ("mail", "The mirrored mail."),
    ("triggers", "What fires on mail."),
    ("notifications", "Notifications, preferences, digests, push."),
    ("webhooks", "Webhook endpoints and their deliveries."),
    ("events", "The feed."),
    ("keys", "API keys, tokens, the audit log."),
    ("system", "What this installation is and whether it works."),
];

/// Completes an operation of the document.
pub fn complete(operation: &mut Map<String, Value>, verb: Verb, path: &str, access: Access) {
    operation.insert("operationId".to_owned(), json!(name(verb, path)));
    if let Some(summary) = operation.get("summary").cloned() {
        operation.entry("description").or_insert(summary);
    }
    let keyed = access == Access::Caller && verb != Verb::Get;
    if keyed {
        parameters(operation).push(idempotency_key());
    }
    let with_body = operation.contains_key("requestBody");
    let place = |one: &Value, place: &str| one.get("in").is_some_and(|known| known == place);
    let told = parameters(operation).iter().any(|one| place(one, "query") || place(one, "header"));
    let answers = answers(operation);
    for (status, answer) in answers.iter_mut() {
        described(answer, status);
    }
    let mut add = |applies: bool, status: &str, what: &str| {
        if applies {
            answers.entry(status.to_owned()).or_insert_with(|| problem(what));
        }
    };
    let caller = access.is_clients();
    add(with_body, "400", "The body is not JSON.");
    add(caller, "401", "There is no valid token or API key.");
    add(caller, "403", "The caller lacks a scope, or names a tenant or user it is not.");
    // Also where X-Account-ID or connector_id names the account.
    add(caller || path.contains('{'), "404", "There is no such thing, or it is not the caller's.");
    add(keyed, "409", "The state does not allow it, or the Idempotency-Key is in use.");
    add(with_body, "413", "The body is above 1 MiB.");
    add(with_body, "415", "The body is not application/json.");
    add(with_body || told, "422", "A member or parameter is unknown, missing or wrong.");
    add(access != Access::Intake, "429", "Too many requests; Retry-After says when to come back.");
    add(true, "503", "Something that is needed is down; Retry-After says when to come back.");
}

/// The groups that operations name, each once; those we have no words for at the end.
pub fn tags<'a>(operations: impl Iterator<Item = &'a Value>) -> Value {
    let named =
        operations.filter_map(|operation| operation.get("tags")?.as_array()).flatten().filter_map(Value::as_str);
    let used: std::collections::BTreeSet<&str> = named.collect();
    let known = TAGS.iter().filter(|(tag, _)| used.contains(tag));
    let mut tags: Vec<Value> = known.map(|(tag, words)| json!({"name": tag, "description": words})).collect();
    let others = used.iter().filter(|tag| TAGS.iter().all(|(known, _)| known != *tag));
    tags.extend(others.map(|tag| json!({"name": tag, "description": "Further operations."})));
    Value::Array(tags)
}

/// `get_api_v1_emails_id`
fn name(verb: Verb, path: &str) -> String {
    let words = path.split(['/', '{', '}', '-', '.', '_']).filter(|word| !word.is_empty());
    std::iter::once(verb.name().to_ascii_lowercase()).chain(words.map(str::to_owned)).collect::<Vec<_>>().join("_")
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "Carries the write out once: a repeat within 24 hours gets the first answer. Use a random one.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    })
}

fn words(status: &str) -> &'static str {
    let code = status.parse().ok().and_then(|code| StatusCode::from_u16(code).ok());
    match status {
        "200" => "The answer.",
        "201" => "It was made.",
        "202" => "It was taken and goes on in the background.",
        "204" => "Done; there is nothing to say.",
        "404" => "There is no such thing, or it is not the caller's.",
        "409" => "The state does not allow it.",
        "422" => "A member or parameter is unknown, missing or wrong.",
        "429" => "Too many requests; Retry-After says when to come back.",
        "503" => "Something that is needed is down; Retry-After says when to come back.",
        _ => code.and_then(|code| code.canonical_reason()).unwrap_or("An answer."),
    }
}

fn problem(what: &str) -> Value {
    json!({"description": what, "content": {PROBLEM_JSON: {"schema": {"$ref": PROBLEM}}}})
}

/// Gives an answer words where its service has none, and a problem its body: services describe problems as JSON or not
/// at all.
fn described(answer: &mut Value, status: &str) {
    let Some(answer) = answer.as_object_mut() else { return };
    let silent = answer.get("description").and_then(Value::as_str).is_none_or(str::is_empty);
    if silent {
        answer.insert("description".to_owned(), json!(words(status)));
    }
    if status < "400" {
        return;
    }
    let content = answer.entry("content").or_insert_with(|| json!({PROBLEM_JSON: {"schema": {"$ref": PROBLEM}}}));
    let Some(content) = content.as_object_mut() else { return };
    let is_problem = content
        .get("application/json")
        .and_then(|body| body.pointer("/schema/$ref"))
        .is_some_and(|schema| schema == PROBLEM);
    if is_problem && let Some(body) = content.remove("application/json") {
        content.insert(PROBLEM_JSON.to_owned(), body);
    }
}

fn parameters(operation: &mut Map<String, Value>) -> &mut Vec<Value> {
    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    if !parameters.is_array() {
        *parameters = json!([]);
    }
    match parameters {
        Value::Array(list) => list,
        _ => unreachable!("it was made one above"),
    }
}

fn answers(operation: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let answers = operation.entry("responses").or_insert_with(|| json!({}));
    if !answers.is_object() {
        *answers = json!({});
    }
    match answers {
        Value::Object(map) => map,
        _ => unreachable!("it was made one above"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(operation: Value, verb: Verb, path: &str, access: Access) -> Value {
        let Value::Object(mut operation) = operation else { panic!() };
        complete(&mut operation, verb, path, access);
        Value::Object(operation)
    }

    fn statuses(operation: &Value) -> Vec<&str> {
        operation["responses"].as_object().unwrap().keys().map(String::as_str).collect()
    }

    #[test]
    fn a_write_of_a_caller_may_be_repeated_and_refused() {
        let body =
            json!({"requestBody": {}, "responses": {"201": {"description": "made"}, "422": {"description": "own"}}});
        let done = completed(body, Verb::Post, "/api/v1/emails/{id}/processed", Access::Caller);
        assert_eq!(done["operationId"], "post_api_v1_emails_id_processed");
        assert_eq!(done["parameters"][0]["name"], "Idempotency-Key");
        let all = ["201", "400", "401", "403", "404", "409", "413", "415", "422", "429", "503"];
        assert_eq!(statuses(&done), all);
        // What the service says itself stays.
        assert_eq!(done["responses"]["422"]["description"], "own");
    }

    #[test]
    fn open_reads_need_nothing_and_the_intake_is_never_limited() {
        let read = completed(json!({}), Verb::Get, "/api/system/info", Access::Open);
        assert_eq!((statuses(&read), &read["parameters"]), (vec!["429", "503"], &json!([])));
        let push = completed(json!({}), Verb::Post, "/api/v1/gmail/watch/webhook", Access::Intake);
        assert_eq!(statuses(&push), ["503"]);
    }

    #[test]
    fn problems_are_sent_as_problems() {
        let content = json!({"application/json": {"schema": {"$ref": PROBLEM}}});
        let read = json!({"responses": {"404": {"description": "x", "content": content}}});
        let done = completed(read, Verb::Get, "/api/connectors/{id}", Access::Caller);
        let kinds: Vec<_> = done["responses"]["404"]["content"].as_object().unwrap().keys().collect();
        assert_eq!(kinds, [PROBLEM_JSON]);
        let bare = json!({"responses": {"200": {}, "404": {}}});
        let done = completed(bare, Verb::Get, "/api/connectors/{id}", Access::Caller);
        assert!(done["responses"]["404"]["content"][PROBLEM_JSON].is_object());
        assert_eq!(done["responses"]["200"], json!({"description": "The answer."}));
    }

    #[test]
    fn groups_are_named_once_and_in_order() {
        let operations = [json!({"tags": ["mail"]}), json!({"tags": ["auth", "new"]}), json!({"tags": ["mail"]})];
        let tags = tags(operations.iter());
        let names: Vec<_> = tags.as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["auth", "mail", "new"]);
    }
}
