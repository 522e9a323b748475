//! What the service does: each action is one story of reading, asking Google and writing, whoever calls it (a route, a
//! consumer, a job). Transactions begin and end here; Google is never called inside one.
//!
//! Locks are always taken in this order: the address (advisory), a connect link, the account, the connector, its credential, its watch,
//! its stream. So a transaction that decides about an account reads the tenant's rows first, then settles the control
//! tables, then writes the tenant's rows.

pub mod begin_consent;
pub mod connect;
pub mod disconnect;
pub mod end_grant;
pub mod links;
pub mod persist;
pub mod reauth;
pub mod rotate;
pub mod select;
pub mod tokens;
pub mod update;
pub mod watch;

use postrider_domain::{TenantId, UserId};

/// For whom an action is done.
#[derive(Debug, Clone)]
pub struct Owner {
    pub tenant: TenantId,
    pub user: UserId,
}
