//! Which service answers which path, as data. What is not in the table does not exist for the outside: `/internal/…`
//! of the services can never be reached through here.
//!
//! The table is [`table`]; matching is [`matcher`].

mod matcher;
mod table;

pub use matcher::{Match, find};
pub use table::TABLE;

/// A service behind the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    Connector,
    SyncWorker,
    Notification,
    Ingest,
}

impl Service {
    /// All of them, in the order of the merged document.
    pub const ALL: [Self; 4] = [Self::Connector, Self::SyncWorker, Self::Notification, Self::Ingest];

    /// The name the service calls itself: audience of its tokens, label of its metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connector => "connector",
            Self::SyncWorker => "sync-worker",
            Self::Notification => "notification",
            Self::Ingest => "ingest-webhook",
        }
    }
}

/// The methods the table uses; `HEAD` is asked and answered as `GET`, less its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// The verb of a request; none for methods no row has.
    pub fn of(method: &str) -> Option<Self> {
        match method {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    /// Upper-case name, as in `Allow`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// Who may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Needs a client token; the service gets an internal one in its place.
    Caller,
    /// Passes without a token; a token that is sent is dropped.
    Open,
    /// The request proves itself to the service (push token, signature): `Authorization` is passed on untouched and
    /// no rate limit applies, because Pub/Sub answers a refused push by slowing the whole subscription down.
    Intake,
}

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route {
    pub verb: Verb,
    /// Path with `{name}` for one segment.
    pub pattern: &'static str,
    pub service: Service,
    pub access: Access,
}
