//! The stack that is measured: the same processes as in the end-to-end tests, from the directory of this program.

use postrider_e2e::World;

/// A quota that never binds: the benches measure us, not Google's allowance.
const NO_LIMIT: &str = "user=1000000000,project=4000000000,day=1000000000000";

/// Starts a stack of its own.
pub async fn start(port_base: u16) -> World {
    World::start_with(port_base, |options| options.with("GMAIL_QUOTA", NO_LIMIT).with("LOG_LEVEL", "warn")).await
}
