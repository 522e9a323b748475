//! Alerts and dashboards: promtool takes them, each alert fires when it should (`deploy/prometheus/tests`), and every metric
//! and label they name is one that a program exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::repository::{output, root, text, tool};

const RULES: &str = "deploy/prometheus/rules/postrider.yml";
/// What Prometheus adds to every series; `exported_` stands before a label of ours that it gives another meaning.
const ADDED: [&str; 4] = ["instance", "job", "service", "le"];

/// Metrics and their labels, as the sources declare them.
fn declared() -> BTreeMap<String, BTreeSet<String>> {
    let mut declared = BTreeMap::new();
    for folder in ["crates", "services"] {
        for package in std::fs::read_dir(root().join(folder)).unwrap() {
            sources(&package.unwrap().path().join("src"), &mut declared);
        }
    }
    declared
}

fn sources(folder: &Path, declared: &mut BTreeMap<String, BTreeSet<String>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, declared);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let product = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (at, _) in product.match_indices("\"postrider_") {
                let rest = product.get(at + 1..).unwrap();
                let (name, after) = rest.split_once('"').unwrap();
                declared.insert(name.to_owned(), labels(after));
            }
        }
    }
}

/// The texts of a declaration behind its name: the help, then the labels, until it closes.
fn labels(after: &str) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    let mut parts = after.split('"');
    while let (Some(between), Some(text)) = (parts.next(), parts.next()) {
        if between.contains(')') && !between.contains("&[") {
            break;
        }
        labels.insert(text.to_owned());
    }
    // Helps are sentences.
    labels.retain(|label| !label.contains([' ', '.']));
    labels
}

/// Expressions of the rules and of the dashboards, each with where it stands.
fn expressions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let rules: Value = serde_yaml_ng::from_str(&text(RULES)).unwrap();
    for rule in rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap()) {
        found.push((rule["alert"].as_str().unwrap().to_owned(), rule["expr"].as_str().unwrap().to_owned()));
    }
    for file in std::fs::read_dir(root().join("deploy/grafana/dashboards")).unwrap() {
        let board: Value = serde_json::from_str(&std::fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expression = target["expr"].as_str().unwrap().replace("$__rate_interval", "5m");
                found.push((format!("{}: {}", board["title"], panel["title"]), expression));
            }
        }
    }
    found
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Names of metrics and of labels that nothing exports.
fn unknown(expression: &str, declared: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let (mut unknown, mut labels) = (Vec::new(), BTreeSet::from(ADDED.map(str::to_owned)));
    for word in expression.split(|c| !is_name(c)).filter(|word| word.starts_with("postrider_")) {
        let plain = ["_bucket", "_count", "_sum"].iter().find_map(|part| word.strip_suffix(part));
        match declared.get(word).or_else(|| declared.get(plain?)) {
            Some(own) => {
                labels.extend(own.iter().cloned());
                labels.extend(
                    own.iter().filter(|label| ADDED.contains(&label.as_str())).map(|label| format!("exported_{label}")),
                );
            }
            None => unknown.push(word.to_owned()),
        }
    }
    let by = expression.split("by (").skip(1).filter_map(|rest| rest.split(')').next());
    let grouped = by.flat_map(|list| list.split(',')).map(str::trim);
    let braces = expression.split('{').skip(1).filter_map(|rest| rest.split('}').next());
    let matched = braces.flat_map(|list| list.split(',')).filter_map(|one| one.split(['=', '!']).next()).map(str::trim);
    unknown
        .extend(grouped.chain(matched).filter(|label| !labels.contains(*label)).map(|label| format!("label {label}")));
    unknown
}

#[test]
fn every_metric_and_label_is_one_that_a_program_exports() {
    let declared = declared();
    assert!(declared.len() > 40, "{declared:?}");
    for (place, expression) in expressions() {
        assert_eq!(unknown(&expression, &declared), Vec::<String>::new(), "{place}: {expression}");
    }
    for (expression, told) in [
        ("rate(postrider_pushed_total[5m])", "postrider_pushed_total"),
        ("sum by (result) (postrider_pushes_total)", "label result"),
        ("postrider_broker_consumed_total{kind=\"x\"}", "label kind"),
        ("postrider_push_confirm_seconds_max", "postrider_push_confirm_seconds_max"),
    ] {
        assert_eq!(unknown(expression, &declared), [told], "{expression}");
    }
}

#[test]
fn rules_fire_when_they_should_and_every_expression_is_one() {
    output(tool("promtool").args(["check", "config", "prometheus.yml"]).current_dir(root().join("deploy/prometheus")))
        .unwrap();
    output(tool("promtool").args(["test", "rules", "deploy/prometheus/tests/postrider.yml"])).unwrap();
    let records = expressions()
        .into_iter()
        .enumerate()
        .map(|(number, (_, expr))| serde_json::json!({"record": format!("panel:{number}"), "expr": expr}));
    let all = serde_json::json!({"groups": [{"name": "panels", "rules": records.collect::<Vec<_>>()}]});
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), all.to_string()).unwrap();
    output(tool("promtool").args(["check", "rules"]).arg(file.path())).unwrap();
}

/// An alert without a recipe, or that no test has seen fire, helps nobody.
#[test]
fn every_alert_is_tested_and_has_its_recipe() {
    let (rules, tests) = (text(RULES), text("deploy/prometheus/tests/postrider.yml"));
    let recipes = text("docs/operations.md");
    let fires = |alert: &str| {
        tests.split(&format!("alertname: {alert}\n")).skip(1).any(|rest| rest.trim_start().starts_with("exp_alerts:\n"))
    };
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(fires(alert), "{alert} is not seen to fire");
        assert!(recipes.contains(&format!("### {alert}\n")), "{alert} has no recipe in docs/operations.md");
    }
}
