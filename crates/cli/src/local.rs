//! The checkout this command works on: its `.run` directory, its servers, its programs, and the stack that the
//! environment describes.

mod build;
mod checkout;
mod dot_env;
mod servers;
#[cfg(test)]
pub(crate) mod stand_in;

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result, bail};
use postrider_domain::{Entropy as _, OsEntropy, Secret};
use postrider_runtime::Env;

pub use build::build_programs;
pub use checkout::Checkout;
pub use servers::{ensure, stop, stop_ours, wipe};

use crate::stack::{Lifetime, Member, Shape, Stack, StackOptions, leftovers};

/// First port of the block where `PORT_BASE` does not say otherwise.
const PORT_BASE: u16 = 8_000;

/// A second mailbox of the simulator, to try things with.
const OTHER_MAILBOX: &str = "other@example.com:50";

/// The environment, as far as a stack is concerned.
#[derive(Clone)]
pub struct Settings {
    /// All of it; what is not ours does no harm to the services.
    variables: BTreeMap<String, String>,
}

/// Names only: values may be secret.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Settings").field(&self.variables.keys().collect::<Vec<_>>()).finish()
    }
}

impl Settings {
    /// The checkout's `.env`, and over it this process's environment. Set to nothing there means not set here.
    ///
    /// # Errors
    /// `.env` cannot be used.
    pub fn of(checkout: &Checkout) -> Result<Self> {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let mut variables = checkout.dot_env()?;
        variables.extend(std::env::vars_os().filter_map(text));
        variables.retain(|_, value| !value.is_empty());
        Ok(Self { variables })
    }

    /// All of them.
    pub fn into_variables(self) -> BTreeMap<String, String> {
        self.variables
    }

    /// The value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A secret that is set, by its variable or by the file that `NAME_FILE` names.
    ///
    /// # Errors
    /// Set twice, or the file cannot be read.
    pub fn secret(&self, name: &str) -> Result<Option<Secret>> {
        Ok(Env::from_pairs(self.variables.clone()).optional_secret(name)?)
    }

    /// Whether a secret is set in one of its two ways.
    pub fn has_secret(&self, name: &str) -> bool {
        [name.to_owned(), format!("{name}_FILE")].iter().any(|name| self.get(name).is_some())
    }

    /// Whether a simulated Google is wanted: always, unless the environment names another.
    pub fn wants_simulator(&self) -> bool {
        !["GMAIL_API_URL", "GOOGLE_CLIENT_ID", "GMAIL_CLIENT_ID"].iter().any(|name| self.get(name).is_some())
    }

    /// First port of the block.
    ///
    /// # Errors
    /// `PORT_BASE` is no port that leaves room for the block.
    pub fn port_base(&self) -> Result<u16> {
        let Some(text) = self.get("PORT_BASE") else { return Ok(PORT_BASE) };
        let base = text.parse::<u16>().ok().filter(|base| (1_024..=64_000).contains(base));
        base.with_context(|| format!("PORT_BASE is {text:?}: it must be a number from 1024 to 64000"))
    }

    /// What the environment sets for the services themselves.
    fn overrides(&self) -> BTreeMap<String, String> {
        // Named by other means, or of this command's own surroundings.
        let elsewhere = |name: &str| {
            matches!(name, "DATABASE_URL" | "AMQP_URL" | "DATABASE_URL_FILE" | "AMQP_URL_FILE" | "PORT_BASE")
                || name.starts_with("CARGO")
                || name.starts_with("RUSTUP")
        };
        self.variables.iter().filter(|(name, _)| !elsewhere(name)).map(|(n, v)| (n.clone(), v.clone())).collect()
    }
}

/// The stack of this checkout and environment, in the shape that runs, else as five services. Starts nothing.
///
/// # Errors
/// No servers are known: neither the environment names them nor were private ones started.
pub fn stack(checkout: &Checkout, lifetime: Lifetime) -> Result<Stack> {
    let running = leftovers::noted(&checkout.run_dir());
    let one_process = running.iter().any(|noted| noted.member == Member::AllInOne);
    stack_of(checkout, lifetime, if one_process { Shape::OneProcess } else { Shape::Services })
}

/// The same in the given shape.
///
/// # Errors
/// As [`stack`]; one process needs no RabbitMQ.
pub fn stack_of(checkout: &Checkout, lifetime: Lifetime, shape: Shape) -> Result<Stack> {
    let settings = Settings::of(checkout)?;
    let servers = checkout.servers();
    let url = |name: &str| -> Result<Secret> {
        let set = settings.secret(name)?.or_else(|| servers.get(name).cloned().map(Secret::new));
        set.with_context(|| format!("{name} is not set and no private server runs: start one with `make services`"))
    };
    let amqp = match shape {
        Shape::Services => url("AMQP_URL")?,
        Shape::OneProcess => Secret::new(""),
    };
    half_a_client(&settings)?;
    let mut options = StackOptions::new(checkout.run_dir(), settings.port_base()?, url("DATABASE_URL")?, amqp)?;
    options.shape = shape;
    options.simulator = settings.wants_simulator();
    options.overrides = settings.overrides();
    options.lifetime = lifetime;
    if options.simulator && settings.get("GMAIL_SIM_SEED").is_none() && settings.get("GMAIL_SIM_MAILBOXES").is_none() {
        // The simulator forgets all when it stops, and gives the same ids again for the same seed; the databases of an
        // earlier start would take its new pushes for repeats of old ones. The demo mailbox itself is made by `demo`.
        options.overrides.insert("GMAIL_SIM_SEED".to_owned(), any_seed().to_string());
        options.overrides.insert("GMAIL_SIM_MAILBOXES".to_owned(), OTHER_MAILBOX.to_owned());
    }
    if options.simulator && lifetime == Lifetime::WithStack && settings.get("GMAIL_SIM_FAULTS").is_none() {
        // The demo shows what a user of the real Gmail sees, which pushes an id before it shows the mail.
        options.overrides.insert("GMAIL_SIM_FAULTS".to_owned(), "lag".to_owned());
    }
    Stack::new(options)
}

/// A secret without its id is half of somebody's own Google, and no wish for a simulated one.
fn half_a_client(settings: &Settings) -> Result<()> {
    let secret = ["GOOGLE_CLIENT_SECRET", "GMAIL_CLIENT_SECRET"].into_iter().find(|name| settings.has_secret(name));
    match secret.filter(|_| settings.wants_simulator()) {
        Some(secret) => bail!(
            "{secret} is set and GOOGLE_CLIENT_ID is not: set both for your own Google, or neither for the simulated one"
        ),
        None => Ok(()),
    }
}

fn any_seed() -> u32 {
    let mut bytes = [0; 4];
    OsEntropy.fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        let variables = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Settings { variables }
    }

    #[test]
    fn a_servers_url_may_be_in_a_file_and_is_not_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "postgres://a:hunter2@db/x\n").unwrap();
        let of_file = settings(&[("DATABASE_URL_FILE", file.path().to_str().unwrap()), ("JWT_SECRET", "hunter2")]);
        assert_eq!(of_file.secret("DATABASE_URL").unwrap().unwrap().expose(), "postgres://a:hunter2@db/x");
        assert!(of_file.has_secret("DATABASE_URL") && !of_file.has_secret("AMQP_URL"));
        assert!(!of_file.overrides().contains_key("DATABASE_URL_FILE"));
        let shown = format!("{of_file:?}");
        assert!(shown.contains("JWT_SECRET") && !shown.contains("hunter2"), "{shown}");
        assert!(settings(&[("AMQP_URL_FILE", "/nowhere")]).secret("AMQP_URL").is_err());
    }

    #[test]
    fn half_an_oauth_client_starts_no_simulated_google() {
        let told = half_a_client(&settings(&[("GOOGLE_CLIENT_SECRET", "hunter2")])).unwrap_err().to_string();
        assert!(told.contains("GOOGLE_CLIENT_ID is not") && !told.contains("hunter2"), "{told}");
        assert!(half_a_client(&settings(&[("GMAIL_CLIENT_SECRET_FILE", "/x")])).is_err());
        for whole in [&[][..], &[("GOOGLE_CLIENT_ID", "a"), ("GOOGLE_CLIENT_SECRET", "b")]] {
            half_a_client(&settings(whole)).unwrap();
        }
    }
}
