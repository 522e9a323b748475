//! How many units Google allows, by when the project began to use the API.

/// Units per minute and day. Google's own numbers; what we keep below them is the buckets' business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// For one user of one project.
    pub user_per_minute: u32,
    /// For all users of one project.
    pub project_per_minute: u32,
    /// The billing threshold of a project; cannot be raised.
    pub project_per_day: u64,
}

impl Limits {
    /// Projects created on or after 1 May 2026.
    pub const fn gmail_2026() -> Self {
        Self { user_per_minute: 6_000, project_per_minute: 1_200_000, project_per_day: 80_000_000 }
    }

    /// Projects that used the API before, for as long as Google keeps it.
    pub const fn legacy() -> Self {
        Self { user_per_minute: 15_000, ..Self::gmail_2026() }
    }

    /// The fixed part of the project's minute kept for connector's own calls (watch, profile, stop).
    pub fn connector_reserve(&self, dearest: u32) -> u32 {
        (self.project_per_minute / 20).max(dearest.saturating_mul(3)).min(self.project_per_minute)
    }

    /// The rest, for all sync workers together.
    pub fn sync_share(&self, dearest: u32) -> u32 {
        self.project_per_minute - self.connector_reserve(dearest)
    }
}
