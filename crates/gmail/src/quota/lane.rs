//! Who goes first when a mailbox's units are short.

/// The kinds of work on one mailbox, most urgent first. A waiting live call goes before any other waiting call, and
/// the lower lanes leave a reserve that only higher ones may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// New mail: incremental sync.
    Live,
    /// A person waits for the answer.
    Asked,
    /// Gap repair, audits, parked records.
    Repair,
    /// First full sync.
    Backfill,
}

impl Lane {
    pub const ALL: [Self; 4] = [Self::Live, Self::Asked, Self::Repair, Self::Backfill];

    /// Its place in [`Self::ALL`].
    pub(crate) fn rank(self) -> usize {
        match self {
            Self::Live => 0,
            Self::Asked => 1,
            Self::Repair => 2,
            Self::Backfill => 3,
        }
    }

    /// The part of a user's bucket this lane must leave behind, in per cent of the capacity.
    pub(crate) fn user_reserve_percent(self) -> u64 {
        match self {
            Self::Live => 0,
            Self::Asked => 10,
            Self::Repair => 20,
            Self::Backfill => 35,
        }
    }

    /// The part of a project's slice this lane may fill, in per cent.
    pub(crate) fn project_share_percent(self) -> u64 {
        match self {
            Self::Live => 100,
            Self::Asked => 95,
            Self::Repair => 90,
            Self::Backfill => 80,
        }
    }

    /// How many of a mailbox's concurrent calls this lane must leave free, where there are at least three.
    pub(crate) fn slots_left_free(self) -> u32 {
        match self {
            Self::Live => 0,
            Self::Asked | Self::Repair | Self::Backfill => 1,
        }
    }

    /// A stable word for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Asked => "asked",
            Self::Repair => "repair",
            Self::Backfill => "backfill",
        }
    }
}
