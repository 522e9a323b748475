//! Errors of the database as every service answers them.

use std::time::Duration;

use postrider_storage::Error;

use super::Problem;
use crate::codes;

/// When to come back: a restarted Postgres takes connections within seconds.
const SOON: Duration = Duration::from_secs(2);

/// 404 for a row that is not there, 503 while the database is away, 500 for the rest; the cause of a 5xx is logged here
/// and not shown.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(),
            Error::Transient(cause) => {
                tracing::warn!(error = %cause, "a request found the database away");
                Self::unavailable(codes::DATABASE_UNAVAILABLE, SOON, "The database cannot answer at the moment.")
            }
            error @ (Error::Conflict { .. } | Error::Forbidden(_) | Error::Other(_)) => Self::unexpected(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_database_that_is_away_invites_to_come_back() {
        let away = Problem::from(Error::Transient("the database system is shutting down".into()));
        assert_eq!((away.status.as_u16(), &*away.code), (503, "database_unavailable"));
        assert!(away.retry_after.is_some() && !away.detail.contains("shutting down"));
        assert_eq!(Problem::from(Error::NotFound).status.as_u16(), 404);
        for bug in [Error::Conflict { constraint: "c".into() }, Error::Forbidden("r".into()), Error::Other("o".into())]
        {
            assert_eq!(Problem::from(bug).status.as_u16(), 500);
        }
    }
}
