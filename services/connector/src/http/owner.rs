//! The caller as the owner of connectors.

use postrider_web::Caller;

use crate::actions::Owner;

impl From<&Caller> for Owner {
    fn from(caller: &Caller) -> Self {
        Self { tenant: caller.tenant.clone(), user: caller.user.clone() }
    }
}
