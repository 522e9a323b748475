//! Makes the coming day partitions of outbox and inbox and drops the old ones.

use std::time::Duration;

use postrider_runtime::Shutdown;

use crate::state::State;

const EVERY: Duration = Duration::from_secs(3_600);

/// Until the service stops.
pub async fn run(state: State, stop: Shutdown) -> anyhow::Result<()> {
    loop {
        postrider_events::partitions::maintain_partitions(&state.db).await?;
        if !super::next_turn(&stop, EVERY, None).await {
            return Ok(());
        }
    }
}
