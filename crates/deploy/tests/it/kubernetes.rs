//! `deploy/k8s`: rendered by kubectl, read with Kubernetes' own types (a member no type has is a fault), and what it says
//! about our programs is what they say themselves. No cluster is asked.

mod objects;
mod rules;
mod workload;

use crate::programs::Secrets;
use crate::repository::{output, root, tool};

pub use objects::Objects;

const OVERLAYS: [&str; 2] = ["deploy/k8s/overlays/small", "deploy/k8s/overlays/ha"];

fn rendered(overlay: &str) -> String {
    output(tool("kubectl").args(["kustomize", overlay])).unwrap()
}

/// What is wrong with rendered manifests.
fn faults(text: &str, secrets: &Secrets) -> Vec<String> {
    match Objects::read(text) {
        Ok(objects) => [workload::faults(&objects, secrets), rules::faults(&objects)].concat(),
        Err(faults) => faults,
    }
}

#[test]
fn each_overlay_is_what_kubernetes_and_the_programs_take() {
    let secrets = Secrets::made();
    for overlay in OVERLAYS {
        assert_eq!(faults(&rendered(overlay), &secrets), Vec::<String>::new(), "{overlay}");
    }
}

#[test]
fn the_examples_are_what_their_operators_take() {
    for file in std::fs::read_dir(root().join("deploy/k8s/examples")).unwrap() {
        let file = file.unwrap().path();
        let read = Objects::read(&std::fs::read_to_string(&file).unwrap());
        assert!(read.is_ok(), "{}: {:?}", file.display(), read.err());
    }
    let text = std::fs::read_to_string(root().join("deploy/k8s/examples/rabbitmq.yaml")).unwrap();
    assert!(Objects::read(&text.replace("persistence:", "persistance:")).is_err());
}

/// Each of these was right before it was changed; the check must tell every one.
#[test]
fn a_changed_name_is_told() {
    let secrets = Secrets::made();
    let whole = rendered("deploy/k8s/overlays/ha");
    for (from, to, told) in [
        ("enableServiceLinks: false", "enableServiceLink: false", "enableServiceLink"),
        ("kind: PodDisruptionBudget", "kind: PodDisruptionBudgets", "PodDisruptionBudgets"),
        ("minReplicaCount: 2", "minReplicas: 2", "minReplicas"),
        ("name: SOCKETIO_URL", "name: SOCKETIO_URLS", "SOCKETIO_URLS"),
        ("  POLLING_INTERVAL: normal", "  RATE_LIMIT_PER_MINUTE: \"60\"", "does not read RATE_LIMIT_PER_MINUTE"),
        ("  POLLING_INTERVAL: normal\n", "", "reads POLLING_INTERVAL, which nobody can set here"),
        ("http://notification-sockets:8013/", "http://notification-sockets:8003/", "nobody listens"),
        ("http://connector:8001/", "http://connectors:8001/", "nobody listens"),
        ("postrider/encryption-keys", "postrider/encryption-key", "not among the container's secrets"),
        ("secretName: sync-worker", "secretName: connector", "refresh tokens"),
        ("containerPort: 9103", "containerPort: 9104", "ports"),
        ("path: /health/ready", "path: /health", "/health"),
        ("targetPort: sockets", "targetPort: socket", "socket"),
        ("- postrider-ingest-webhook", "- postrider-ingest", "no program"),
        ("configMapRef:\n            name: origin", "configMapRef:\n            name: origins", "origins"),
        ("greatest(due_at, not_before)", "greatest(due_on, not_before)", "due_on"),
        ("queueName: notification.mailbox", "queueName: notification.mails", "notification.mails"),
        ("image: registry.example.com/postrider:0.1.0", "image: postrider", "image"),
        ("name: migrate\n  namespace: postrider", "name: migrate\n  namespace: other", "namespace"),
    ] {
        assert!(whole.contains(from), "{from}");
        let faults = faults(&whole.replacen(from, to, 1), &secrets).join("\n");
        assert!(faults.contains(told), "{from} → {to}: {faults}");
    }
}
