//! The processes a stack is made of.

use std::fmt;

use postrider_storage::Spec;

/// One program of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Member {
    GmailSim,
    Connector,
    SyncWorker,
    Notification,
    Ingest,
    Gateway,
    /// All five in one process.
    AllInOne,
}

impl Member {
    /// The five services, the gateway last: when it is ready, so are those behind it.
    pub const SERVICES: [Self; 5] =
        [Self::Connector, Self::SyncWorker, Self::Notification, Self::Ingest, Self::Gateway];

    /// The name the process calls itself; also of its log file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::GmailSim => "gmail-sim",
            Self::Connector => "connector",
            Self::SyncWorker => "sync-worker",
            Self::Notification => "notification",
            Self::Ingest => "ingest-webhook",
            Self::Gateway => "gateway",
            Self::AllInOne => "all-in-one",
        }
    }

    /// File name of the program.
    pub const fn program(self) -> &'static str {
        match self {
            Self::GmailSim => "gmail-sim",
            Self::Connector => "postrider-connector",
            Self::SyncWorker => "postrider-sync-worker",
            Self::Notification => "postrider-notification",
            Self::Ingest => "postrider-ingest-webhook",
            Self::Gateway => "postrider-gateway",
            Self::AllInOne => "postrider-all-in-one",
        }
    }

    /// Stem of its variables, e.g. `SYNC_WORKER` of `SYNC_WORKER_ADDR`.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::GmailSim => "GMAIL_SIM",
            Self::Connector => "CONNECTOR",
            Self::SyncWorker => "SYNC_WORKER",
            Self::Notification => "NOTIFICATION",
            Self::Ingest => "INGEST",
            Self::Gateway => "GATEWAY",
            Self::AllInOne => "ALL_IN_ONE",
        }
    }

    /// Its place in the block of ports that starts at `PORT_BASE`.
    pub const fn port_offset(self) -> u16 {
        match self {
            Self::Gateway => 0,
            Self::Connector => 1,
            Self::SyncWorker => 2,
            Self::Notification => 3,
            Self::Ingest => 4,
            Self::AllInOne => 5,
            Self::GmailSim => 90,
        }
    }

    /// Its schema and roles, if it has any.
    pub const fn spec(self) -> Option<Spec> {
        match self {
            Self::GmailSim | Self::AllInOne => None,
            Self::Connector => Some(Spec::CONNECTOR),
            Self::SyncWorker => Some(Spec::SYNC_WORKER),
            Self::Notification => Some(Spec::NOTIFICATION),
            Self::Ingest => Some(Spec::INGEST),
            Self::Gateway => Some(Spec::GATEWAY),
        }
    }

    /// The member of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::SERVICES.into_iter().chain([Self::GmailSim, Self::AllInOne]).find(|member| member.name() == name)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
