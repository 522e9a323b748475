//! Pods and the Services in front of them, against the programs.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{Container as Declared, EnvFromSource, PodSpec, PodTemplateSpec, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::objects::Objects;
use crate::containers::{Container, lost_urls};
use crate::programs::Secrets;
use crate::repository::text;
use crate::settings;

/// Where the routes of health are written down.
const HEALTH: &str = "crates/web/src/health/routes.rs";
/// Where pods find their secrets, below `/run/secrets/`.
const MOUNT: &str = "/run/secrets/postrider";

pub fn faults(objects: &Objects, secrets: &Secrets) -> Vec<String> {
    let mut faults = Vec::new();
    let (known, mut containers) = (settings::names(), Vec::new());
    let deployments = objects.deployments.iter().map(|one| (&one.metadata, &one.spec.as_ref().unwrap().template));
    let jobs = objects.jobs.iter().map(|one| (&one.metadata, &one.spec.as_ref().unwrap().template));
    for (metadata, template) in deployments.chain(jobs) {
        let name = metadata.name.clone().unwrap();
        let pod = template.spec.as_ref().unwrap();
        for declared in &pod.containers {
            let (container, missing) = container(&name, pod, declared, objects, secrets);
            faults.extend(missing);
            faults.extend(container.faults(&known));
            faults.extend(hardening(&name, pod, declared));
            if container.serves() {
                faults.extend(ports(&container, declared));
                faults.extend(probes(&container, declared));
            }
            containers.push(container);
        }
        let labels = template.metadata.as_ref().and_then(|of| of.labels.as_ref());
        if labels.and_then(|labels| labels.get(NAME)) != Some(&name) {
            faults.push(format!("{name}: its pods are not labelled {NAME}: {name}"));
        }
    }
    faults.extend(services(objects));
    let listens = |host: &str, port: u16| {
        let service = objects.services.iter().find(|one| one.metadata.name.as_deref() == Some(host));
        let ports = service.and_then(|one| one.spec.as_ref()?.ports.as_ref());
        ports.is_some_and(|ports| ports.iter().any(|one| one.port == i32::from(port)))
    };
    faults.extend(lost_urls(&containers, listens));
    faults
}

/// The label that Services and policies find pods by.
pub const NAME: &str = "app.kubernetes.io/name";

fn container(
    name: &str,
    pod: &PodSpec,
    declared: &Declared,
    objects: &Objects,
    secrets: &Secrets,
) -> (Container, Vec<String>) {
    let (mut env, mut missing) = (BTreeMap::new(), Vec::new());
    for from in declared.env_from.iter().flatten() {
        match settings_of(from, objects) {
            Some(settings) => env.extend(settings),
            None => missing.push(format!("{name}: no ConfigMap {:?}", from.config_map_ref.as_ref().map(|of| &of.name))),
        }
    }
    for one in declared.env.iter().flatten() {
        env.insert(one.name.clone(), one.value.clone().unwrap_or_default());
    }
    let mut files = BTreeMap::new();
    for mount in declared.volume_mounts.iter().flatten().filter(|mount| mount.mount_path == MOUNT) {
        let volume = pod.volumes.iter().flatten().find(|volume| volume.name == mount.name);
        let Some(secret) = volume.and_then(|volume| volume.secret.as_ref()?.secret_name.clone()) else {
            missing.push(format!("{name}: {MOUNT} is no Secret"));
            continue;
        };
        // A folder of deploy/secrets.sh becomes a Secret of its name.
        for file in std::fs::read_dir(secrets.folder().join(&secret)).into_iter().flatten() {
            let file = file.unwrap();
            files.insert(format!("postrider/{}", file.file_name().to_string_lossy()), file.path());
        }
    }
    let command = declared.command.clone().unwrap_or_default();
    (Container { name: name.to_owned(), command, env, secrets: files, health: Vec::new() }, missing)
}

fn settings_of(from: &EnvFromSource, objects: &Objects) -> Option<BTreeMap<String, String>> {
    let name = &from.config_map_ref.as_ref()?.name;
    objects.settings.iter().find(|one| one.metadata.name.as_ref() == Some(name))?.data.clone()
}

/// What every container of ours promises.
fn hardening(name: &str, pod: &PodSpec, declared: &Declared) -> Vec<String> {
    let mut faults = Vec::new();
    let mut want = |well: bool, what: &str| faults.extend((!well).then(|| format!("{name}: {what}")));
    let image = declared.image.as_deref().unwrap_or_default();
    want(
        image.contains('/') && image.rsplit('/').next().unwrap().contains(':'),
        "its image is not replaced by the overlay",
    );
    let security = declared.security_context.as_ref();
    want(security.and_then(|of| of.read_only_root_filesystem) == Some(true), "may write its file system");
    want(security.and_then(|of| of.allow_privilege_escalation) == Some(false), "may become more");
    want(pod.security_context.as_ref().and_then(|of| of.run_as_non_root) == Some(true), "may be root");
    want(pod.automount_service_account_token == Some(false), "is given a token of the cluster");
    want(
        declared.resources.as_ref().and_then(|of| of.limits.as_ref()?.get("memory")).is_some(),
        "has no limit of memory",
    );
    faults
}

/// Its ports are those of its listeners, each by a name.
fn ports(container: &Container, declared: &Declared) -> Vec<String> {
    let listened: BTreeSet<_> = container.ports().into_values().collect();
    let declared: BTreeSet<_> =
        declared.ports.iter().flatten().filter_map(|port| u16::try_from(port.container_port).ok()).collect();
    if listened == declared {
        Vec::new()
    } else {
        vec![format!("{}: ports {declared:?}, but it listens on {listened:?}", container.name)]
    }
}

/// Probes ask the routes that answer, on the listener of the API.
fn probes(container: &Container, declared: &Declared) -> Vec<String> {
    let mut faults = Vec::new();
    let routes = text(HEALTH);
    let api =
        container.ports().into_iter().find(|(name, _)| !name.ends_with("_ADMIN_ADDR") && *name != "SOCKETIO_ADDR");
    let mut ask = |what: &str, probe: Option<&Probe>, path: &str| {
        let get = probe.and_then(|probe| probe.http_get.as_ref());
        let port = get.and_then(|get| port_of(&get.port, declared));
        let asked = get.and_then(|get| get.path.as_deref());
        if asked != Some(path)
            || !routes.contains(&format!("\"{path}\""))
            || port != api.map(|(_, port)| i32::from(port))
        {
            faults.push(format!("{}: {what} asks {asked:?} at port {port:?}", container.name));
        }
    };
    ask("startup", declared.startup_probe.as_ref(), "/health/live");
    ask("liveness", declared.liveness_probe.as_ref(), "/health/live");
    ask("readiness", declared.readiness_probe.as_ref(), "/health/ready");
    faults
}

fn port_of(port: &IntOrString, declared: &Declared) -> Option<i32> {
    match port {
        IntOrString::Int(port) => Some(*port),
        IntOrString::String(name) => {
            let mut ports = declared.ports.iter().flatten();
            ports.find(|port| port.name.as_ref() == Some(name)).map(|port| port.container_port)
        }
    }
}

/// The pods that a label of ours finds.
pub fn pods<'a>(objects: &'a Objects, labels: &BTreeMap<String, String>) -> Option<&'a PodTemplateSpec> {
    let templates = objects.deployments.iter().map(|one| &one.spec.as_ref().unwrap().template);
    let has = |template: &&PodTemplateSpec| {
        let own = template.metadata.as_ref().and_then(|of| of.labels.as_ref());
        own.is_some_and(|own| labels.iter().all(|(name, value)| own.get(name) == Some(value)))
    };
    templates.into_iter().find(has)
}

fn services(objects: &Objects) -> Vec<String> {
    let mut faults = Vec::new();
    for service in &objects.services {
        let (name, spec) = (service.metadata.name.as_deref().unwrap(), service.spec.as_ref().unwrap());
        let Some(template) = pods(objects, spec.selector.as_ref().unwrap()) else {
            faults.push(format!("Service {name} finds no pods"));
            continue;
        };
        let declared = &template.spec.as_ref().unwrap().containers[0];
        for port in spec.ports.iter().flatten() {
            let reached = port.target_port.as_ref().and_then(|target| port_of(target, declared));
            if reached != Some(port.port) {
                faults.push(format!(
                    "Service {name}: port {} leads to {:?}, which is {reached:?}",
                    port.port, port.target_port
                ));
            }
        }
    }
    faults
}
