//! `docker-compose.yml`: valid for Debian's docker-compose and by the compose-spec schema it carries, in each profile, with
//! `.env.example` as its `.env`; and what it says about our programs is what they say themselves. No engine is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;
use serde_yaml_ng::Value;

use crate::containers::{Container, lost_urls};
use crate::programs::Secrets;
use crate::repository::{output, root, text, tool};
use crate::settings;

/// Where Debian's docker-compose keeps the schema of the compose specification.
const SCHEMA: &str = "/usr/lib/python3/dist-packages/compose/config/compose_spec.json";
/// The demo's settings.
const DEMO: &str = "deploy/docker/demo.env";
/// What our image is called.
const IMAGE: &str = "postrider";

#[derive(Deserialize)]
struct Document {
    services: BTreeMap<String, Service>,
    secrets: BTreeMap<String, Secret>,
}

#[derive(Deserialize)]
struct Secret {
    file: String,
}

#[derive(Deserialize)]
struct Service {
    image: String,
    build: Option<Build>,
    #[serde(default)]
    command: Vec<String>,
    #[serde(default)]
    environment: BTreeMap<String, Value>,
    #[serde(default)]
    secrets: Vec<SecretOf>,
    #[serde(default)]
    volumes: Vec<String>,
    #[serde(default)]
    ports: Vec<Port>,
    healthcheck: Option<Health>,
    network_mode: Option<String>,
}

#[derive(Deserialize)]
struct Build {
    context: String,
    dockerfile: String,
}

#[derive(Deserialize)]
struct SecretOf {
    source: String,
    target: Option<String>,
}

#[derive(Deserialize)]
struct Health {
    test: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Port {
    Short(String),
    Long { target: u16 },
}

impl Port {
    fn target(&self) -> u16 {
        match self {
            Self::Short(text) => text.split('/').next().unwrap().rsplit(':').next().unwrap().parse().unwrap(),
            Self::Long { target } => *target,
        }
    }
}

/// What docker-compose makes of the file with these settings.
fn rendered(env_file: &str, profile: Option<&str>) -> String {
    let mut compose = tool("docker-compose");
    compose.args(["--env-file", env_file]);
    if let Some(profile) = profile {
        compose.args(["--profile", profile]);
    }
    output(compose.arg("config")).unwrap()
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        _ => String::new(),
    }
}

/// What is wrong with a rendered document.
fn faults(rendered: &str, secrets: &Secrets) -> Vec<String> {
    let document: Document = serde_yaml_ng::from_str(rendered).unwrap();
    let mut faults = Vec::new();
    let place = |secret: &Secret| {
        let file = Path::new(&secret.file).strip_prefix(root().join("secrets")).unwrap().to_owned();
        secrets.folder().join(file)
    };
    for (name, secret) in &document.secrets {
        if !place(secret).is_file() {
            faults.push(format!("secret {name}: deploy/secrets.sh makes no {}", secret.file));
        }
        if !document.services.values().any(|service| service.secrets.iter().any(|one| one.source == *name)) {
            faults.push(format!("secret {name} is given to nobody"));
        }
    }
    let mut containers = Vec::new();
    for (name, service) in &document.services {
        for volume in service.volumes.iter().filter(|volume| volume.starts_with('/')) {
            let source = volume.split(':').next().unwrap();
            if !Path::new(source).exists() {
                faults.push(format!("{name}: {source} does not exist"));
            }
        }
        let given = |one: &SecretOf| {
            let target = one.target.clone().unwrap_or_else(|| one.source.clone());
            Some((target, place(document.secrets.get(&one.source)?)))
        };
        let health = service.healthcheck.as_ref().map(|health| health.test[1..].to_vec()).unwrap_or_default();
        let container = Container {
            name: name.clone(),
            command: service.command.clone(),
            env: service.environment.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
            secrets: service.secrets.iter().filter_map(given).collect(),
            health,
        };
        if let Some(build) = &service.build
            && !Path::new(&build.context).join(&build.dockerfile).is_file()
        {
            faults.push(format!("{name}: no {} in {}", build.dockerfile, build.context));
        }
        if service.image == IMAGE {
            faults.extend(container.faults(&settings::names()));
            if container.serves() && name != "gmail-sim" {
                if container.health.is_empty() {
                    faults.push(format!("{name}: nobody asks for its health"));
                }
                let listened: BTreeSet<u16> = container.ports().into_values().collect();
                for port in service.ports.iter().map(Port::target).filter(|port| !listened.contains(port)) {
                    faults.push(format!("{name}: publishes port {port}, where it does not listen"));
                }
            }
            containers.push(container);
        }
    }
    // The simulator is reached by its door, which has its network.
    let doors = document.services.values().filter(|service| service.network_mode.is_some());
    let doors: Vec<_> = doors.filter_map(|door| door.command.first()).cloned().collect();
    let listens = |host: &str, port: u16| match containers.iter().find(|container| container.name == host) {
        Some(_) if host == "gmail-sim" => doors.iter().any(|door| door.starts_with(&format!("TCP-LISTEN:{port},"))),
        Some(container) => container.ports().values().any(|listened| *listened == port),
        None => false,
    };
    faults.extend(lost_urls(&containers, listens));
    faults
}

/// Names that stand as `${NAME…}`.
fn interpolated(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let names = text.split("${").skip(1).map(|rest| rest.split(|c| !is_name(c)).next().unwrap_or_default().to_owned());
    names.collect()
}

/// Names that `.env.example` does not know.
fn unknown_names(text: &str) -> Vec<String> {
    let known = settings::names();
    interpolated(text).into_iter().filter(|name| !known.contains(name)).collect()
}

#[test]
fn every_profile_is_valid_and_says_what_the_programs_say() {
    let secrets = Secrets::made();
    for (env_file, profile) in [
        (".env.example", None),
        (".env.example", Some("tls")),
        (".env.example", Some("metrics")),
        (".env.example", Some("doctor")),
        (DEMO, None),
    ] {
        let rendered = rendered(env_file, profile);
        assert_eq!(faults(&rendered, &secrets), Vec::<String>::new(), "{env_file} {profile:?}");
    }
}

#[test]
fn the_file_fits_the_compose_schema() {
    let script = "import json, sys, yaml, jsonschema\n\
                  document = yaml.safe_load(open(sys.argv[1]))\n\
                  for name in [name for name in document if name.startswith('x-')]: del document[name]\n\
                  jsonschema.validate(document, json.load(open(sys.argv[2])))";
    output(tool("python3").args(["-c", script, "docker-compose.yml", SCHEMA])).unwrap();
}

#[test]
fn every_variable_stands_in_the_example() {
    assert_eq!(unknown_names(&text("docker-compose.yml")), Vec::<String>::new());
    assert_eq!(unknown_names("${LOG_LEVELS:-info} ${JWT_SECRET_FILE-x}"), ["LOG_LEVELS"]);
    let demo = text(DEMO);
    let known = settings::names();
    let used = interpolated(&text("docker-compose.yml"));
    for (name, _) in demo.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('=')) {
        let compose_own = name == "COMPOSE_PROFILES";
        assert!(compose_own || (known.contains(name) && used.contains(name)), "{name} of {DEMO} reaches nobody");
    }
}

/// Each of these was right before it was changed; the check must tell every one.
#[test]
fn a_changed_name_is_told() {
    let secrets = Secrets::made();
    let whole = rendered(DEMO, None);
    for (from, to, told) in [
        ("CONNECTOR_URL: http://connector:8001/", "CONNECTOR_URL: http://connector:8002/", "nobody listens"),
        ("SYNC_WORKER_URL: http://sync-worker", "SYNC_WORKER_URL: http://sync_worker", "nobody listens"),
        ("GMAIL_API_URL: http://gmail-sim:8091/", "GMAIL_API_URL: http://gmail-sim:8090/", "nobody listens"),
        ("      SOCKETIO_URL: http://notification:8013/\n", "", "reads SOCKETIO_URL"),
        (
            "      OTEL_EXPORTER_OTLP_HEADERS_FILE: ''\n",
            "",
            "reads OTEL_EXPORTER_OTLP_HEADERS, which nobody can set here",
        ),
        ("      BOOTSTRAP_USER: ''\n", "", "reads BOOTSTRAP_USER, which nobody can set here"),
        ("      SOCKETIO_DRAIN_SECONDS: ''\n", "", "reads SOCKETIO_DRAIN_SECONDS, which nobody can set here"),
        ("POLLING_INTERVAL: normal", "POLLING_INTERVALS: normal", "POLLING_INTERVALS"),
        ("POLLING_INTERVAL: normal", "POLLING_INTERVAL: hourly", "POLLING_INTERVAL"),
        (
            "      SOCKETIO_PING_TIMEOUT: '60'",
            "      RATE_LIMIT_PER_MINUTE: '60'",
            "does not read RATE_LIMIT_PER_MINUTE",
        ),
        ("- postrider-notification\n    - serve", "- postrider-notifications\n    - serve", "no program"),
        ("- postrider\n    - migrate", "- postrider\n    - migrations", "no program"),
        ("- postrider-sync-worker\n      - healthcheck", "- postrider-gateway\n      - healthcheck", "its health"),
        ("/secrets/gateway/jwt-secret", "/secrets/gateway/jwt-secrets", "makes no"),
        ("- source: gateway-internal-keys", "- source: jwt-secret", "INTERNAL_KEYS_FILE"),
        ("- source: sync-worker-internal-keys", "- source: connector-encryption-keys", "refresh tokens"),
        ("/deploy/docker/Caddyfile", "/deploy/docker/Caddyfiles", "does not exist"),
        ("dockerfile: deploy/docker/Dockerfile", "dockerfile: deploy/Dockerfile", "no deploy/Dockerfile"),
    ] {
        assert!(whole.contains(from), "{from}");
        let faults = faults(&whole.replacen(from, to, 1), &secrets).join("\n");
        assert!(faults.contains(told), "{from} → {to}: {faults}");
    }
}
