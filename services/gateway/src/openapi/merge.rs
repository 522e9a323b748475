//! Joins documents. Only paths of the route table are shown: a service's internal paths never are. Two services that
//! name different schemas alike get their service's name put before it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::common::{complete, tags};
use super::own;
use crate::routes::{Access, Service, Verb, of_operation};

const SCHEMAS: &str = "#/components/schemas/";

/// A service's document, if it could ever be had.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    pub service: Service,
    pub document: Option<Value>,
    /// The document is from before the service stopped answering.
    pub stale: bool,
}

/// The merged document. `x-missing` and `x-stale` name the services it is incomplete or old for.
pub fn merge(public_url: &str, parts: &[Part]) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    let mut schemas: BTreeMap<String, Value> = BTreeMap::new();
    for (path, item) in own::paths() {
        let operation = shown(&item, Verb::Get, &path, Access::Open);
        paths.entry(path).or_default().extend(operation);
    }
    let document = own::document();
    for (path, item) in members(&document, "/paths") {
        let operations = Verb::ALL.into_iter().filter_map(|verb| shown(item, verb, path, Access::Caller));
        paths.entry(path.clone()).or_default().extend(operations);
    }
    for (name, schema) in members(&document, "/components/schemas") {
        schemas.insert(name.clone(), schema.clone());
    }
    for part in parts {
        let Some(document) = &part.document else { continue };
        let document = with_own_names(document.clone(), part.service, &schemas);
        for (path, item) in members(&document, "/paths") {
            let operations = passed_on(part.service, path, item);
            if !operations.is_empty() {
                paths.entry(path.clone()).or_default().extend(operations);
            }
        }
        for (name, schema) in members(&document, "/components/schemas") {
            schemas.insert(name.clone(), schema.clone());
        }
    }
    let names = |wanted: fn(&Part) -> bool| -> Vec<&str> {
        parts.iter().filter(|part| wanted(part)).map(|part| part.service.name()).collect()
    };
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Postrider",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Gmail accounts mirrored and watched: mails, changes and notifications as they happen. \
                            Errors are application/problem+json with a stable `code`.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url}],
        "security": [{"bearer": []}],
        "tags": tags(paths.values().flat_map(|item| item.values())),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT or API key"}},
        },
        "x-missing": names(|part| part.document.is_none()),
        "x-stale": names(|part| part.stale),
    })
}

/// The operations of a path that this service answers through the gateway.
fn passed_on(service: Service, path: &str, item: &Value) -> Map<String, Value> {
    let mut operations = Map::new();
    for verb in Verb::ALL {
        let route = of_operation(verb, path).filter(|route| route.service == service);
        operations.extend(route.and_then(|route| shown(item, verb, path, route.access)));
    }
    if !operations.is_empty()
        && let Some(parameters) = item.get("parameters")
    {
        operations.insert("parameters".to_owned(), parameters.clone());
    }
    operations
}

/// An operation by its method, completed. Open ones say that they need no token.
fn shown(item: &Value, verb: Verb, path: &str, access: Access) -> Option<(String, Value)> {
    let method = verb.name().to_ascii_lowercase();
    let mut operation = item.get(&method)?.as_object()?.clone();
    operation.remove("security");
    if !access.is_clients() {
        operation.insert("security".to_owned(), json!([]));
    }
    complete(&mut operation, verb, path, access);
    Some((method, Value::Object(operation)))
}

/// Renames the schemas that stand there already with another content, and every reference to them.
fn with_own_names(mut document: Value, service: Service, taken: &BTreeMap<String, Value>) -> Value {
    let clashes: Vec<String> = members(&document, "/components/schemas")
        .filter(|(name, schema)| taken.get(*name).is_some_and(|other| other != *schema))
        .map(|(name, _)| name.clone())
        .collect();
    if clashes.is_empty() {
        return document;
    }
    let renamed = |name: &str| format!("{}.{name}", service.name());
    rename_references(&mut document, &clashes, &renamed);
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        for name in &clashes {
            if let Some(schema) = schemas.remove(name) {
                schemas.insert(renamed(name), schema);
            }
        }
    }
    document
}

fn rename_references(value: &mut Value, names: &[String], renamed: &dyn Fn(&str) -> String) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(target)) = map.get_mut("$ref")
                && let Some(name) = target.strip_prefix(SCHEMAS).filter(|name| names.iter().any(|known| known == name))
            {
                *target = format!("{SCHEMAS}{}", renamed(name));
            }
            map.values_mut().for_each(|value| rename_references(value, names, renamed));
        }
        Value::Array(list) => list.iter_mut().for_each(|value| rename_references(value, names, renamed)),
        _ => {}
    }
}

fn members<'a>(document: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    document.pointer(pointer).and_then(Value::as_object).into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// What stands in the document without any service.
    fn own_paths() -> BTreeSet<String> {
        let document = own::document();
        own::paths().keys().chain(members(&document, "/paths").map(|(path, _)| path)).cloned().collect()
    }

    fn part(service: Service, document: Value) -> Part {
        Part { service, document: Some(document), stale: false }
    }

    #[test]
    fn only_what_the_gateway_passes_on_is_shown() {
        let document = json!({"paths": {
            "/api/connectors": {"get": {"summary": "list"}, "trace": {}},
            "/internal/token-leases": {"post": {}},
            "/health/live": {"get": {}},
            "/gmail/sync": {"post": {"summary": "not connector's"}},
            "/api/system/info": {"get": {"summary": "open"}},
        }});
        let merged = merge("http://localhost", &[part(Service::Connector, document)]);
        let own = own_paths();
        let all = members(&merged, "/paths").map(|(path, _)| path.as_str());
        assert_eq!(
            all.filter(|path| !own.contains(*path)).collect::<Vec<_>>(),
            ["/api/connectors", "/api/system/info"]
        );
        assert_eq!(merged["paths"]["/api/system/info"]["get"]["security"], json!([]));
        let list = &merged["paths"]["/api/connectors"]["get"];
        assert_eq!((&list["summary"], &list["security"]), (&json!("list"), &Value::Null));
        assert!(list["responses"]["401"].is_object(), "{list}");
    }

    #[test]
    fn schemas_that_differ_keep_apart_and_equal_ones_are_shared() {
        let document = |kind: &str, path: &str| {
            json!({
                "paths": {path: {"get": {"schema": {"$ref": "#/components/schemas/Item"}}}},
                "components": {"schemas": {"Item": {"type": kind}, "Problem": {"type": "object"}}},
            })
        };
        let merged = merge(
            "http://localhost",
            &[
                part(Service::Connector, document("object", "/api/connectors")),
                part(Service::SyncWorker, document("string", "/api/v1/emails")),
            ],
        );
        let names: Vec<_> = members(&merged, "/components/schemas").map(|(name, _)| name.as_str()).collect();
        let theirs: Vec<_> = names.into_iter().filter(|name| name.contains("Item") || *name == "Problem").collect();
        assert_eq!(theirs, ["Item", "Problem", "sync-worker.Item"]);
        let target = &merged["paths"]["/api/v1/emails"]["get"]["schema"]["$ref"];
        assert_eq!(target, "#/components/schemas/sync-worker.Item");
        assert_eq!(merged["paths"]["/api/connectors"]["get"]["schema"]["$ref"], "#/components/schemas/Item");
    }

    #[test]
    fn services_that_are_down_are_named() {
        let down = Part { service: Service::Notification, document: None, stale: true };
        let merged = merge("http://localhost", &[down]);
        assert_eq!(merged["x-missing"], json!(["notification"]));
        assert_eq!(members(&merged, "/paths").map(|(path, _)| path.clone()).collect::<BTreeSet<_>>(), own_paths());
    }
}
