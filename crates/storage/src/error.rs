//! What can go wrong with the database, sorted by what the caller should do.

use diesel::result::{DatabaseErrorKind, Error as Diesel};

/// An error of the database, sorted by remedy. The cause is kept for the log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The row that was asked for is not there.
    #[error("no such row")]
    NotFound,
    /// A constraint refused the change; map it by name.
    #[error("constraint {constraint} refused the change")]
    Conflict { constraint: String },
    /// The database is away, restarting, or gave this transaction up: try the whole transaction again.
    #[error("the database cannot answer now: {0}")]
    Transient(String),
    /// The role may not do this: a transaction without role and tenant, or a missing grant.
    #[error("the database refused the role: {0}")]
    Forbidden(String),
    /// A bug or an unexpected state.
    #[error("database error: {0}")]
    Other(String),
}

impl Error {
    /// Whether the same transaction may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient(_))
    }

    /// The constraint that refused the change, if one did.
    pub fn constraint(&self) -> Option<&str> {
        match self {
            Self::Conflict { constraint } => Some(constraint),
            _ => None,
        }
    }
}

/// Texts of Postgres errors that pass by themselves and that diesel does not tell apart.
const PASSING: [&str; 16] = [
    // Another statement of the same pipeline failed; the next try tells which.
    "current transaction is aborted",
    "deadlock detected",
    "could not serialize",
    "terminating connection",
    "the database system is",
    "canceling statement",
    "connection",
    "lock timeout",
    "broken pipe",
    "remaining connection slots",
    "too many clients",
    "error communicating with the server",
    // A full disk or memory is an operator's matter; the content is not to blame.
    "could not extend file",
    "could not write",
    "No space left",
    "out of memory",
];

impl From<Diesel> for Error {
    fn from(error: Diesel) -> Self {
        match error {
            Diesel::NotFound => Self::NotFound,
            Diesel::DatabaseError(kind, info) => {
                let constraint = info.constraint_name().unwrap_or("unnamed").to_owned();
                let text = info.message().to_owned();
                match kind {
                    DatabaseErrorKind::UniqueViolation
                    | DatabaseErrorKind::ForeignKeyViolation
                    | DatabaseErrorKind::CheckViolation
                    | DatabaseErrorKind::NotNullViolation => Self::Conflict { constraint },
                    DatabaseErrorKind::SerializationFailure
                    | DatabaseErrorKind::ClosedConnection
                    | DatabaseErrorKind::UnableToSendCommand
                    // A server in recovery, or a standby after a failover.
                    | DatabaseErrorKind::ReadOnlyTransaction => Self::Transient(text),
                    _ if text.contains("permission denied") || text.contains("row-level security") => {
                        Self::Forbidden(text)
                    }
                    _ if PASSING.iter().any(|passing| text.contains(passing)) => Self::Transient(text),
                    _ => Self::Other(text),
                }
            }
            other => Self::Other(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_by_remedy() {
        let of = |kind, text: &str| Error::from(Diesel::DatabaseError(kind, Box::new(text.to_owned())));
        assert!(of(DatabaseErrorKind::Unknown, "deadlock detected").is_transient());
        assert!(of(DatabaseErrorKind::ClosedConnection, "gone").is_transient());
        assert!(of(DatabaseErrorKind::UnableToSendCommand, "error communicating with the server").is_transient());
        assert!(
            of(DatabaseErrorKind::ReadOnlyTransaction, "cannot execute INSERT in a read-only transaction")
                .is_transient()
        );
        assert!(of(DatabaseErrorKind::Unknown, "could not extend file: No space left on device").is_transient());
        assert!(!of(DatabaseErrorKind::Unknown, "invalid byte sequence for encoding").is_transient());
        assert!(matches!(of(DatabaseErrorKind::Unknown, "permission denied for table t"), Error::Forbidden(_)));
        assert!(matches!(of(DatabaseErrorKind::Unknown, "syntax error"), Error::Other(_)));
        assert!(matches!(Error::from(Diesel::NotFound), Error::NotFound));
    }
}
