//! What holds for a container of one of our programs, whoever starts it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::programs::{check_config, knows};

/// Where the services are.
const FOUND_BY: [&str; 5] = ["CONNECTOR_URL", "SYNC_WORKER_URL", "NOTIFICATION_URL", "INGEST_URL", "SOCKETIO_URL"];

/// What a program reads and no deployment gives it, each for its reason.
const WITHHELD: [(&str, &str); 3] = [
    ("PORT_BASE", "each listener's address is named"),
    ("STOP_DEADLINE_SECONDS", "the time after which a container is killed stands beside it and must be longer"),
    ("OAUTH_AUTO_CONFIRM", "for simulated Googles in tests"),
];

/// Settings that make a program read others: when the container can be given the first, they are all set.
const AWAKES: [(&str, &[(&str, &str)]); 6] = [
    ("GOOGLE_CLIENT_ID", &[("GOOGLE_CLIENT_ID", "id")]),
    ("GOOGLE_DESKTOP_CLIENT_ID", &[("GOOGLE_DESKTOP_CLIENT_ID", "id"), ("GOOGLE_DESKTOP_CLIENT_SECRET", "x")]),
    ("SMTP_URL_FILE", &[("SMTP_URL", "smtps://user:password@mail.example.com:465"), ("MAIL_FROM", "mail@example.com")]),
    (
        "VAPID_PRIVATE_KEY_FILE",
        &[
            ("VAPID_PRIVATE_KEY", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"),
            ("VAPID_SUBJECT", "mailto:mail@example.com"),
        ],
    ),
    (
        "PUBSUB_PULL_SUBSCRIPTION",
        &[("PUBSUB_PULL_SUBSCRIPTION", "projects/p/subscriptions/s"), ("PUBSUB_CREDENTIALS", "metadata")],
    ),
    ("GMAIL_REFRESH_TOKEN_FILE", &[("GMAIL_REFRESH_TOKEN", "x"), ("BOOTSTRAP_TENANT", "t"), ("BOOTSTRAP_USER", "u")]),
];

/// A container, as compose or Kubernetes describe it.
#[derive(Debug, Clone, Default)]
pub struct Container {
    /// What its faults are told by.
    pub name: String,
    /// The program and its arguments.
    pub command: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// Path of a secret below `/run/secrets/`, and where `deploy/secrets.sh` puts it.
    pub secrets: BTreeMap<String, PathBuf>,
    /// The program and arguments that ask for its health, if a command does.
    pub health: Vec<String>,
}

impl Container {
    pub fn program(&self) -> &str {
        self.command.first().map_or("", String::as_str)
    }

    /// One of ours that serves.
    pub fn serves(&self) -> bool {
        self.command.get(1).is_some_and(|subcommand| subcommand == "serve")
    }

    /// The port of one of its listeners.
    pub fn port(&self, variable: &str) -> Option<u16> {
        self.env.get(variable)?.rsplit_once(':')?.1.parse().ok()
    }

    /// Its listeners: variable and port.
    pub fn ports(&self) -> BTreeMap<&str, u16> {
        let named = self.env.keys().filter(|name| name.ends_with("_ADDR"));
        named.filter_map(|name| Some((name.as_str(), self.port(name)?))).collect()
    }

    /// What is wrong with it by itself.
    pub fn faults(&self, known: &BTreeSet<String>) -> Vec<String> {
        let mut faults = Vec::new();
        let subcommand = self.command.get(1).map_or("", String::as_str);
        let known_program = knows(self.program(), subcommand);
        if !known_program {
            faults.push(format!("no program does {:?}", self.command));
        }
        for name in self.env.keys().filter(|name| !known.contains(*name)) {
            faults.push(format!("{name} is not in .env.example"));
        }
        if self.serves() && known_program {
            faults.extend(self.unread());
            if !self.health.is_empty() && self.health != [self.program(), "healthcheck"] {
                faults.push(format!("its health is asked by {:?}", self.health));
            }
        }
        faults.extend(self.leaks());
        faults.into_iter().map(|fault| format!("{}: {fault}", self.name)).collect()
    }

    /// Settings that the program refuses, does not read, or cannot be given. It reads more with Google than without.
    fn unread(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let file = |secret: &str| self.secrets.get(secret).cloned();
        let as_it_is = check_config(self.program(), &self.env, file);
        let awake = check_config(self.program(), &self.awake(), file);
        for checked in [&as_it_is, &awake] {
            faults.extend(checked.wrong.clone());
        }
        let reads: BTreeSet<_> = as_it_is.reads.union(&awake.reads).collect();
        let given = |name: &str| self.env.contains_key(name) || self.env.contains_key(&format!("{name}_FILE"));
        let other = |name: &str| name.ends_with("_ADDR") || FOUND_BY.contains(&name);
        for name in reads.iter().filter(|name| !given(name) && !other(name)) {
            if !WITHHELD.iter().any(|(withheld, _)| withheld == name) {
                faults.push(format!("{} reads {name}, which nobody can set here", self.program()));
            }
        }
        // What another service is found by has a default that is right on one machine alone.
        for name in
            reads.iter().filter(|name| FOUND_BY.contains(&name.as_str()) && !self.env.contains_key(name.as_str()))
        {
            faults.push(format!("{} reads {name}, which is not set", self.program()));
        }
        for name in self.env.keys() {
            let plain = name.strip_suffix("_FILE").unwrap_or(name).to_owned();
            if !reads.contains(&plain) && !reads.contains(name) {
                faults.push(format!("{} does not read {name}", self.program()));
            }
        }
        faults
    }

    /// The environment in which it reads all it ever reads.
    fn awake(&self) -> BTreeMap<String, String> {
        let mut env = self.env.clone();
        for (_, settings) in AWAKES.iter().filter(|(name, _)| self.env.contains_key(*name)) {
            for (name, value) in *settings {
                env.remove(&format!("{name}_FILE"));
                env.insert((*name).to_owned(), (*value).to_owned());
            }
        }
        env
    }

    /// Secrets in the hands of somebody who must not have them.
    fn leaks(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for secret in self.secrets.values().map(|path| path.display().to_string()) {
            if secret.ends_with("connector/encryption-keys") && self.program() != "postrider-connector" {
                faults.push("has the keys that open refresh tokens".to_owned());
            }
            if secret.ends_with("migrate/database-url") && self.serves() {
                faults.push("has the administrator's database URL".to_owned());
            }
        }
        faults
    }
}

/// Every URL of a service leads to a listener that is there: `host:port` against what the hosts listen on.
pub fn lost_urls(containers: &[Container], listens: impl Fn(&str, u16) -> bool) -> Vec<String> {
    let mut faults = Vec::new();
    for container in containers {
        for (name, value) in container.env.iter().filter(|(name, _)| name.ends_with("_URL")) {
            let Some(rest) = value.strip_prefix("http://") else { continue };
            let authority = rest.split('/').next().unwrap_or_default();
            let Some((host, port)) = authority.rsplit_once(':') else { continue };
            let known = port.parse().is_ok_and(|port| listens(host, port));
            // What a browser asks for is not this container's way.
            if host != "localhost" && !known {
                faults.push(format!("{}: {name} leads to {authority}, where nobody listens", container.name));
            }
        }
    }
    faults
}
