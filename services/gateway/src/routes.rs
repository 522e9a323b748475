//! Which service answers which path, as data. What is not in the table does not exist for the outside: `/internal/…`
//! of the services can never be reached through here.
//!
//! The rows are in [`table`]; [`crate::http`] mounts them.

mod table;

use reqwest::Method;
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
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

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

    /// The method a service is asked with.
    pub fn method(self) -> Method {
        match self {
            Self::Get => Method::GET,
            Self::Post => Method::POST,
            Self::Put => Method::PUT,
            Self::Patch => Method::PATCH,
            Self::Delete => Method::DELETE,
        }
    }
}

/// Who may pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// Needs a client token; the service gets an internal one in its place.
    Caller,
    /// The same, or a ticket in the query, which the service takes: for what a browser opens without headers.
    CallerOrTicket,
    /// Passes without a token; a token that is sent is dropped.
    Open,
    /// The request proves itself to the service (push token, signature): `Authorization` is passed on untouched and
    /// no rate limit applies, because Pub/Sub answers a refused push by slowing the whole subscription down.
    Intake,
}

impl Access {
    /// Whether it is a client's, who is known by a token.
    pub const fn is_clients(self) -> bool {
        matches!(self, Self::Caller | Self::CallerOrTicket)
    }
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

/// The row of an operation in a service's document, which may name a path's parameters otherwise.
pub fn of_operation(verb: Verb, path: &str) -> Option<&'static Route> {
    let parts = |pattern| str::split(pattern, '/').map(|part| if part.starts_with('{') { "{}" } else { part });
    TABLE.iter().find(|route| route.verb == verb && parts(route.pattern).eq(parts(path)))
}
