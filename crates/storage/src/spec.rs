//! Names of a service's place in the database.

/// A service's schema and roles. Four roles each: `<role>_owner` owns the tables, `<role>` logs in and may do nothing,
/// `<role>_tenant` and `<role>_system` are entered for one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// The service's name, e.g. `sync-worker`; also the folder under `migrations/`, if it has tables of its own.
    pub service: &'static str,
    /// Its schema, e.g. `mailbox`.
    pub schema: &'static str,
    /// Stem of its role names, e.g. `sync_worker`.
    pub role: &'static str,
}

impl Spec {
    pub const GATEWAY: Self = Self { service: "gateway", schema: "gateway", role: "gateway" };
    pub const INGEST: Self = Self { service: "ingest-webhook", schema: "ingest", role: "ingest" };
    pub const CONNECTOR: Self = Self { service: "connector", schema: "connector", role: "connector" };
    pub const SYNC_WORKER: Self = Self { service: "sync-worker", schema: "mailbox", role: "sync_worker" };
    pub const NOTIFICATION: Self = Self { service: "notification", schema: "notification", role: "notification" };

    /// All services that own a schema.
    pub const ALL: [Self; 5] = [Self::GATEWAY, Self::INGEST, Self::CONNECTOR, Self::SYNC_WORKER, Self::NOTIFICATION];

    /// Owns the tables; cannot log in.
    pub fn owner(&self) -> String {
        format!("{}_owner", self.role)
    }

    /// Sees the rows of one tenant.
    pub fn tenant_role(&self) -> String {
        format!("{}_tenant", self.role)
    }

    /// Sees the control tables across tenants.
    pub fn system_role(&self) -> String {
        format!("{}_system", self.role)
    }
}
