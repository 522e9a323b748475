//! What a service is given besides its settings.

use postrider_domain::Seams;
use prometheus::Registry;

use crate::lifecycle::Shutdown;
use crate::tasks::Tasks;
use crate::telemetry::process;

/// Clock, ids, randomness, metrics, stop signal and task tracker of one running service. Clones share all of it.
#[derive(Clone, Debug)]
pub struct Context {
    pub seams: Seams,
    pub registry: Registry,
    pub shutdown: Shutdown,
    pub tasks: Tasks,
}

impl Context {
    /// A fresh context for the named service. Background tasks run on the runtime this is called in.
    pub fn new(service: &'static str, seams: Seams) -> Self {
        let registry = Registry::new();
        process::register(&registry, service);
        let tasks = Tasks::new(&registry, seams.entropy.clone());
        Self { seams, registry, shutdown: Shutdown::default(), tasks }
    }

    /// A context for tests: the machine's clock (replace `seams` to move time), its own registry, nothing running.
    pub fn for_tests() -> Self {
        crate::tls::install();
        Self::new("test", Seams::system())
    }
}
