//! `emails`: mails and tombstones of the mirror. Rows are written in bulk, guarded by version in the statement itself.
//!
//! Readers say the tenant although row-level security says it too: the planner only uses the tenant-first indexes when
//! the statement does.

mod announce;
mod candidates;
pub(in crate::store) mod content;
mod exported;
mod known;
mod list;
mod newest;
mod processed;
mod row;
mod search;
mod since;
mod stats;
mod unlisted;
mod write;

pub use announce::announce;
pub use exported::{Exported, list_exported};
pub use known::list_known;
pub use list::{Filter, list};
pub use newest::list_newest;
pub use processed::set_processed;
use row::email_columns;
pub use row::{Body, Email, find, find_body};
pub use search::search;
pub use since::list_since;
pub use stats::{LabelCount, Totals, count_alive, count_by_label, count_current, totals};
pub use unlisted::{Unlisted, count_unlisted, list_unlisted};
pub use write::{NewEmail, Relabelled, Tombstone, insert_tombstones, relabel, upsert};
