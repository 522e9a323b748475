//! What is looked at: a checkout's stack, or whatever the environment describes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::Result;
use postrider_domain::Secret;
use postrider_runtime::{ConfigErrors, Env};
use postrider_storage::{Spec, migrate};
use url::Url;

use crate::local::{Checkout, Settings};
use crate::stack::{Member, Ports};

/// An installation, as its settings describe it.
#[derive(Debug)]
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
    /// RabbitMQ's management API, for its alarms.
    pub management: Option<Url>,
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
        Ok(Self { env, programs, folder, ports, data: checkout.run_dir(), management })
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
