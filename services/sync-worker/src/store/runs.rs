//! `sync_runs`: what a person or an event asked for, and how far it came.

mod ask;
mod begin;
mod coverage;
mod forget;
mod read;
mod row;
mod step;

pub use ask::{MOST_QUEUED, ask};
pub use begin::{
    Beginning, NewRun, Request, begin, complete_incremental, enqueue, find_active, find_unfinished, list_queued,
    schedule_audit, start,
};
pub use coverage::{Audit, Listed, last_audit, last_listings};
pub use forget::forget;
pub use read::{find, list};
use row::run_columns;
pub use row::{Counts, Run};
pub use step::{Step, advance, hold, supersede_unfinished, went_well};
