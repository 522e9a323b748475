//! A look at a server for whoever operates it: one read-only connection and plain text answers. Services never use it.

use std::time::Duration;

use postrider_domain::Secret;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::tls::Target;

/// Longest a look may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What went wrong, in the server's words where it answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    #[error("the URL is no database URL")]
    Url,
    #[error("{0}")]
    Tls(String),
    #[error("{0}")]
    Unreachable(String),
    /// The password, the role or the database's name is wrong.
    #[error("{0}")]
    Refused(String),
    /// It is there and lets nobody in now: no connection is left, or it starts or stops.
    #[error("{0}")]
    Busy(String),
    #[error("{0}")]
    Query(String),
}

/// One connection that cannot write.
pub struct Inspection {
    client: Client,
    _driving: JoinHandle<Result<(), tokio_postgres::Error>>,
}

impl Inspection {
    /// Connects, and enters a role if one is named.
    ///
    /// # Errors
    /// The server is not there, does not want us, or has no such role.
    pub async fn open(url: &Secret, role: Option<&str>) -> Result<Self, InspectError> {
        let target = Target::parse(url).map_err(|_secret| InspectError::Url)?;
        let Target { mut config, tls } = target.map_err(|error| InspectError::Tls(error.to_string()))?;
        config
            .connect_timeout(PATIENCE)
            .application_name("postrider-inspect")
            .options("-c default_transaction_read_only=on -c statement_timeout=5000 -c timezone=UTC");
        let connecting = tokio::time::timeout(PATIENCE, config.connect(tls)).await;
        let connecting = connecting.map_err(|_elapsed| InspectError::Unreachable("no answer within 5 s".to_owned()))?;
        let (client, connection) = connecting.map_err(|error| match error.as_db_error() {
            Some(told) if is_busy(told.code()) => InspectError::Busy(told.message().to_owned()),
            Some(refused) => InspectError::Refused(refused.message().to_owned()),
            None => InspectError::Unreachable(with_source(&error)),
        })?;
        #[expect(clippy::disallowed_methods, reason = "it ends with the client beside it; a command has no tracker")]
        let driving = tokio::spawn(connection);
        let inspection = Self { client, _driving: driving };
        if let Some(role) = role {
            inspection.rows(&format!("SET ROLE {role}")).await?;
        }
        Ok(inspection)
    }

    /// The rows of a query, each value as its text.
    ///
    /// # Errors
    /// What the server says.
    pub async fn rows(&self, query: &str) -> Result<Vec<Vec<Option<String>>>, InspectError> {
        let answer = self.client.simple_query(query).await.map_err(|error| match error.as_db_error() {
            Some(told) => InspectError::Query(told.message().to_owned()),
            None => InspectError::Unreachable(with_source(&error)),
        })?;
        let row = |message| match message {
            SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        };
        let texts = answer.into_iter().filter_map(row).map(|row| {
            let count = row.len();
            (0..count).map(|column| row.get(column).map(str::to_owned)).collect()
        });
        Ok(texts.collect())
    }

    /// The first row of a query; empty if it has none.
    ///
    /// # Errors
    /// As [`Self::rows`].
    pub async fn row(&self, query: &str) -> Result<Vec<Option<String>>, InspectError> {
        Ok(self.rows(query).await?.into_iter().next().unwrap_or_default())
    }
}

/// Whether a later try may get in as it is.
fn is_busy(code: &SqlState) -> bool {
    let passing = [
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::CONFIGURATION_LIMIT_EXCEEDED,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::ADMIN_SHUTDOWN,
    ];
    passing.contains(code)
}

/// The driver keeps the reason ("connection refused") below its own words.
fn with_source(error: &tokio_postgres::Error) -> String {
    let reason = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{error}{reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_full_or_starting_has_not_refused_the_login() {
        for code in ["53300", "57P03", "57P01"] {
            assert!(is_busy(&SqlState::from_code(code)), "{code}");
        }
        for code in ["28P01", "3D000", "42501"] {
            assert!(!is_busy(&SqlState::from_code(code)), "{code}");
        }
    }
}
