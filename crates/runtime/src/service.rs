//! The shape of a service. The five services differ in what they build, not in how they start and stop.

use std::future::Future;

use crate::cli::DeadLettersCommand;
use crate::config::{ConfigErrors, Env};
use crate::context::Context;

/// A process of Postrider. [`crate::run`] drives it.
pub trait Service: Sized + 'static {
    /// The service's name as it stands in logs, tokens and events, e.g. `sync-worker`.
    const NAME: &'static str;
    /// What `--help` says about it.
    const ABOUT: &'static str;
    /// All it reads from the environment.
    type Config: Send + 'static;
    /// What it reaches outside itself besides its database, and what tests replace: the broker, producers, clients.
    type Deps: 'static;

    /// Reads and checks the settings. Use [`crate::config::all`] so that every error is told at once.
    fn load(env: &Env) -> Result<Self::Config, ConfigErrors>;

    /// The real ones. They connect lazily.
    fn deps(config: &Self::Config, cx: &Context) -> anyhow::Result<Self::Deps>;

    /// Joins the parts: the pool connects lazily, listeners are bound (port 0 allowed).
    fn build(config: Self::Config, deps: Self::Deps, cx: Context) -> impl Future<Output = anyhow::Result<Self>>;

    /// Works until `cx.shutdown.soft` is cancelled and what was begun is finished.
    fn run(self) -> impl Future<Output = anyhow::Result<()>>;

    /// Brings the service's schema up to date. Called with the administrator's `DATABASE_URL` in the environment.
    fn migrate(_env: &Env) -> impl Future<Output = anyhow::Result<()>> {
        async { anyhow::bail!("{} owns no schema: there is nothing to migrate", Self::NAME) }
    }

    /// Lists or replays what the service's handlers gave up on.
    fn dead_letters(_env: &Env, _command: DeadLettersCommand) -> impl Future<Output = anyhow::Result<()>> {
        async { anyhow::bail!("{} consumes no queue: it has no dead letters", Self::NAME) }
    }

    /// Seals what is stored with the newest key. Reads what the service itself reads.
    fn rotate_keys(_env: &Env) -> impl Future<Output = anyhow::Result<()>> {
        async { anyhow::bail!("{} seals nothing: it has no keys to rotate", Self::NAME) }
    }
}
