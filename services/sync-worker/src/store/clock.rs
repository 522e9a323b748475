//! Postgres's clock, by which leases run.

use postrider_domain::Timestamp;
use postrider_storage::{Error, SystemTx, Value, sql};

/// What time it is there.
pub async fn now(tx: &SystemTx) -> Result<Timestamp, Error> {
    Ok(sql("SELECT clock_timestamp() AS value").get_result::<Value<Timestamp>>(tx).await?.0)
}
