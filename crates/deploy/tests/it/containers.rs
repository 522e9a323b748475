//! What holds for a container of one of our programs, whoever starts it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::programs::{check_config, knows};

/// Where the services are.
const FOUND_BY: [&str; 5] = ["CONNECTOR_URL", "SYNC_WORKER_URL", "NOTIFICATION_URL", "INGEST_URL", "SOCKETIO_URL"];

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

    /// Settings that the program refuses or does not read. It reads more with Google than without.
    fn unread(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let file = |secret: &str| self.secrets.get(secret).cloned();
        let as_it_is = check_config(self.program(), &self.env, file);
        let mut with_google = self.env.clone();
        if with_google.contains_key("GOOGLE_CLIENT_ID") {
            with_google.insert("GOOGLE_CLIENT_ID".to_owned(), "id".to_owned());
        }
        let with_google = check_config(self.program(), &with_google, file);
        for checked in [&as_it_is, &with_google] {
            faults.extend(checked.wrong.clone());
        }
        let reads: BTreeSet<_> = as_it_is.reads.union(&with_google.reads).collect();
        // What another service is found by has a default that is right on one machine alone.
        for name in
            reads.iter().filter(|name| FOUND_BY.contains(&name.as_str()) && !self.env.contains_key(name.as_str()))
        {
            faults.push(format!("{} reads {name}, which is not set", self.program()));
        }
        for name in self.env.keys() {
            let plain = name.strip_suffix("_FILE").unwrap_or(name).to_owned();
            if !reads.contains(&plain) {
                faults.push(format!("{} does not read {name}", self.program()));
            }
        }
        faults
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
