//! What leads to what: ingress to services, policies to ports, autoscalers to deployments; and who may go out.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicyPort};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::objects::{Objects, Scaler};
use super::workload::{NAME, pods};
use crate::repository::{output, root};

/// Who may ask Google.
const GO_OUT: [&str; 4] = ["connector", "ingest-webhook", "notification", "sync-worker"];
/// Who is asked from outside.
const ASKED: [&str; 2] = ["gateway", "ingest-webhook"];
/// Servers: not ours, known by their labels and ports.
const SERVERS: [(&str, i32); 2] = [("postgres", 5432), ("rabbitmq", 5672)];
/// Secrets that are no container's.
const KEDA: &str = "keda";

pub fn faults(objects: &Objects) -> Vec<String> {
    let mut faults = Vec::new();
    for (kind, name, namespace) in &objects.all {
        if kind != "Namespace" && namespace.as_deref() != Some("postrider") {
            faults.push(format!("{kind} {name} is in the namespace {namespace:?}"));
        }
    }
    faults.extend(ingress(objects));
    faults.extend(policies(objects));
    faults.extend(targets(objects));
    faults
}

fn ingress(objects: &Objects) -> Vec<String> {
    let mut faults = Vec::new();
    let specs = objects.ingresses.iter().filter_map(|one| one.spec.as_ref());
    let rules = specs.flat_map(|spec| spec.rules.iter().flatten()).filter_map(|rule| rule.http.as_ref());
    for path in rules.flat_map(|http| &http.paths) {
        let backend = path.backend.service.as_ref().unwrap();
        let service = objects.services.iter().find(|one| one.metadata.name.as_ref() == Some(&backend.name));
        let ports = service.and_then(|one| one.spec.as_ref()?.ports.as_ref());
        let wanted = backend.port.as_ref().and_then(|port| port.name.as_ref());
        if !ports.is_some_and(|ports| ports.iter().any(|port| port.name.as_ref() == wanted)) {
            faults.push(format!("Ingress: {:?} leads to {} {wanted:?}, which is not there", path.path, backend.name));
        }
        if !ASKED.contains(&backend.name.as_str()) {
            faults.push(format!("Ingress: {} is not for people", backend.name));
        }
    }
    faults
}

fn numbers(ports: Option<&Vec<NetworkPolicyPort>>) -> Vec<i32> {
    let number = |port: &NetworkPolicyPort| match port.port.as_ref()? {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(_name) => None,
    };
    ports.into_iter().flatten().filter_map(number).collect()
}

fn listened(objects: &Objects, name: &str) -> Vec<i32> {
    if let Some((_, port)) = SERVERS.iter().find(|(server, _)| *server == name) {
        return vec![*port];
    }
    let labels = BTreeMap::from([(NAME.to_owned(), name.to_owned())]);
    let template = pods(objects, &labels).and_then(|template| template.spec.as_ref());
    let ports = template.into_iter().flat_map(|pod| pod.containers[0].ports.iter().flatten());
    ports.map(|port| port.container_port).collect()
}

/// The name a policy is about; none for one about several.
fn subject(policy: &NetworkPolicy) -> Option<&String> {
    policy.spec.as_ref()?.pod_selector.as_ref()?.match_labels.as_ref()?.get(NAME)
}

fn policies(objects: &Objects) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut asked, mut out, mut known) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut reached = BTreeSet::new();
    for policy in &objects.policies {
        let Some(name) = subject(policy) else { continue };
        let spec = policy.spec.as_ref().unwrap();
        known.insert(name.as_str());
        for rule in spec.ingress.iter().flatten() {
            let ports = numbers(rule.ports.as_ref());
            if ports.is_empty() || ports.iter().any(|port| !listened(objects, name).contains(port)) {
                faults.push(format!("NetworkPolicy {name}: lets in to {ports:?}, where nobody listens"));
            }
            match rule.from.as_deref() {
                None | Some([]) => drop(asked.insert(name.as_str())),
                Some(peers) => {
                    let names =
                        peers.iter().filter_map(|peer| peer.pod_selector.as_ref()?.match_labels.as_ref()?.get(NAME));
                    reached
                        .extend(names.flat_map(|from| ports.iter().map(|port| (from.as_str(), name.as_str(), *port))));
                }
            }
        }
    }
    let mut sent = BTreeSet::new();
    for policy in &objects.policies {
        let Some(name) = subject(policy) else { continue };
        for rule in policy.spec.iter().flat_map(|spec| spec.egress.iter().flatten()) {
            let ports = numbers(rule.ports.as_ref());
            for peer in rule.to.iter().flatten() {
                if peer.ip_block.is_some() {
                    out.insert(name.as_str());
                    // Mail servers are spoken to as well as web servers.
                    let usual: &[i32] = if name == "notification" { &[443, 465, 587] } else { &[443] };
                    if ports.is_empty() || !ports.iter().all(|port| usual.contains(port)) {
                        faults.push(format!("NetworkPolicy {name}: goes out to {ports:?}"));
                    }
                }
                let Some(to) = peer.pod_selector.as_ref().and_then(|of| of.match_labels.as_ref()?.get(NAME)) else {
                    continue;
                };
                if ports.iter().any(|port| !listened(objects, to).contains(port)) {
                    faults.push(format!("NetworkPolicy {name}: goes to {to} {ports:?}, where nobody listens"));
                }
                if !SERVERS.iter().any(|(server, _)| server == to) {
                    sent.extend(ports.iter().map(|port| (name.as_str(), to.as_str(), *port)));
                }
            }
        }
    }
    // A request needs both: to be let out and to be let in. What is asked from outside lets everybody in.
    let both = sent.iter().filter(|(_, to, _)| !asked.contains(to)).copied().collect::<BTreeSet<_>>();
    if both != reached {
        faults.push(format!("NetworkPolicies: sent {both:?}, let in {reached:?}"));
    }
    if asked != BTreeSet::from(ASKED) {
        faults.push(format!("NetworkPolicies: asked from outside {asked:?}"));
    }
    if out != BTreeSet::from(GO_OUT) {
        faults.push(format!("NetworkPolicies: going out {out:?}"));
    }
    for deployment in objects.deployments.iter().filter_map(|one| one.metadata.name.as_deref()) {
        if !known.contains(deployment) {
            faults.push(format!("NetworkPolicies: none for {deployment}"));
        }
    }
    faults
}

/// Queues of the broker, as a program prints them.
fn queues() -> String {
    let here = std::env::current_exe().unwrap();
    output(Command::new(here.ancestors().nth(2).unwrap().join("postrider-notification")).arg("topology")).unwrap()
}

/// Columns of mailboxes that a query names and no migration makes.
fn unknown_columns(query: &str) -> Vec<String> {
    let mut made = String::new();
    for folder in std::fs::read_dir(root().join("migrations/sync-worker")).unwrap() {
        made.push_str(&std::fs::read_to_string(folder.unwrap().path().join("up.sql")).unwrap());
    }
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
    let words = query.split(|c| !is_name(c)).filter(|word| word.contains('_') && *word != "clock_timestamp");
    words
        .filter(|word| !made.contains(*word))
        .map(|word| format!("a query asks for {word}, which nothing makes"))
        .collect()
}

fn targets(objects: &Objects) -> Vec<String> {
    let mut faults = Vec::new();
    let deployed: Vec<_> = objects.deployments.iter().filter_map(|one| one.metadata.name.as_deref()).collect();
    let mut target = |what: String, name: &str| {
        if !deployed.contains(&name) {
            faults.push(format!("{what}: there is no Deployment {name}"));
        }
    };
    for one in &objects.autoscalers {
        target("HorizontalPodAutoscaler".to_owned(), &one.spec.as_ref().unwrap().scale_target_ref.name);
    }
    for one in &objects.scaled {
        target(format!("ScaledObject {}", one.metadata.name), &one.spec.scale_target_ref.name);
    }
    for one in &objects.budgets {
        let selector = one.spec.as_ref().unwrap().selector.as_ref().unwrap().match_labels.as_ref().unwrap();
        target("PodDisruptionBudget".to_owned(), selector.get(NAME).map_or("", String::as_str));
    }
    for one in &objects.scaled {
        if one.spec.min_replica_count >= one.spec.max_replica_count {
            faults.push(format!("ScaledObject {}: it cannot grow", one.metadata.name));
        }
        for trigger in &one.spec.triggers {
            let named = objects.authentications.iter().find(|of| of.metadata.name == trigger.authentication_ref.name);
            let (parameter, key) = match &trigger.scaler {
                Scaler::Postgresql(postgres) => {
                    faults.extend(unknown_columns(&postgres.query));
                    ("connection", "due-url")
                }
                Scaler::Rabbitmq(rabbit) => {
                    if rabbit.mode != "QueueLength" || !queues().contains(&format!("\n  {} ←", rabbit.queue_name)) {
                        faults.push(format!("ScaledObject {}: no queue {}", one.metadata.name, rabbit.queue_name));
                    }
                    ("host", "amqp-url")
                }
            };
            let given = named.into_iter().flat_map(|of| &of.spec.secret_target_ref);
            if !given.clone().any(|of| of.parameter == parameter && of.name == KEDA && of.key == key) {
                faults.push(format!("ScaledObject {}: no {parameter} from {key} of {KEDA}", one.metadata.name));
            }
        }
    }
    faults
}
