//! What is looked at: a checkout's stack, or whatever the environment describes.

use std::collections::BTreeMap;
use std::fmt;
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use postrider_domain::Secret;
use postrider_runtime::config::Listen;
use postrider_runtime::{ConfigErrors, Env};
use postrider_storage::{Spec, migrate};
use url::Url;

use crate::local::{Checkout, Settings};
use crate::stack::{Member, Ports};

/// An installation, as its settings describe it.
pub struct Installation {
    /// Its settings; secrets may be in files.
    pub env: Env,
    /// The environment of each program, where it is this machine that starts them.
    pub programs: BTreeMap<Member, BTreeMap<String, String>>,
    /// Where its programs are.
    pub folder: PathBuf,
    pub ports: Ports,
    /// Where its local data is.
    pub data: PathBuf,
    /// RabbitMQ's management API, for its alarms; its user and password are in it.
    pub management: Option<Url>,
    /// All services are one process, with their queues in Postgres.
    pub one_process: bool,
}

/// Programs by their names only: their settings are secrets among others.
impl fmt::Debug for Installation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Installation")
            .field("env", &self.env)
            .field("programs", &self.programs.keys().collect::<Vec<_>>())
            .field("folder", &self.folder)
            .field("ports", &self.ports)
            .field("data", &self.data)
            .finish_non_exhaustive()
    }
}

impl Installation {
    /// The one of this checkout and environment.
    ///
    /// # Errors
    /// `.env` cannot be used, or `PORT_BASE` is no port.
    pub fn here() -> Result<Self> {
        let checkout = Checkout::find();
        let settings = Settings::of(&checkout)?;
        let ports = Ports { base: settings.port_base()? };
        let mut variables = settings.into_variables();
        let servers = checkout.servers();
        for name in ["DATABASE_URL", "AMQP_URL"] {
            let in_a_file = variables.contains_key(&format!("{name}_FILE"));
            if let Some(url) = servers.get(name).filter(|_| !in_a_file) {
                variables.entry(name.to_owned()).or_insert_with(|| url.clone());
            }
        }
        let named = variables.get("RABBITMQ_MANAGEMENT_URL").or_else(|| servers.get("RABBITMQ_MANAGEMENT_URL"));
        let management = named.and_then(|url| Url::parse(url).ok());
        let mut programs = BTreeMap::new();
        // A stack of this checkout has made secrets; without them nothing was started here.
        if checkout.run_dir().join("stack.env").is_file()
            && let Ok(stack) = crate::local::stack(&checkout, crate::stack::Lifetime::UntilStopped)
        {
            for member in stack.members() {
                programs.insert(member, stack.env_of(member)?);
            }
        }
        // What only one program is told is a setting of the installation all the same.
        for (name, value) in programs.values().flatten() {
            variables.entry(name.clone()).or_insert_with(|| value.clone());
        }
        let folder = std::env::current_exe()?.parent().map(PathBuf::from).unwrap_or_default();
        let env = Env::from_pairs(variables);
        let one_process = programs.contains_key(&Member::AllInOne) || runs_as_one(&env);
        Ok(Self { env, programs, folder, ports, data: checkout.run_dir(), management, one_process })
    }

    /// The administrator's database URL.
    ///
    /// # Errors
    /// Not set, or its file cannot be read.
    pub fn administrator(&self) -> Result<Option<Secret>, ConfigErrors> {
        self.env.optional_secret("DATABASE_URL")
    }

    /// The URL by which a service reaches the database; derived from the administrator's where it is not set.
    pub fn database_url(&self, spec: &Spec) -> Option<Secret> {
        let name = format!("{}_DATABASE_URL", spec.role.to_ascii_uppercase());
        if let Ok(Some(own)) = self.env.optional_secret(&name) {
            return Some(own);
        }
        let administrator = self.administrator().ok().flatten()?;
        migrate::derived_service_url(&administrator, spec).ok()
    }
}

/// Whether somebody else than a checkout (systemd, say) runs all services as one process here: no broker is named, and it
/// listens where it would.
fn runs_as_one(env: &Env) -> bool {
    const PATIENCE: Duration = Duration::from_secs(1);
    matches!(env.optional_secret("AMQP_URL"), Ok(None))
        && Listen::load(env, Member::AllInOne.name())
            .is_ok_and(|listen| TcpStream::connect_timeout(&listen.addr, PATIENCE).is_ok())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn one_process_is_known_by_its_listener_where_no_broker_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let here = Env::from_pairs([("ALL_IN_ONE_ADDR", addr.as_str())]);
        assert!(runs_as_one(&here) && !runs_as_one(&here.with("AMQP_URL", "amqp://x/")));
        drop(listener);
        assert!(!runs_as_one(&here));
    }
}
