//! Opening connections: timeouts, search path and application name are set before the first statement.

use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::AsyncPgConnection;
use postrider_domain::Secret;
use tokio_postgres::NoTls;

/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What every connection of a pool starts with.
#[derive(Debug, Clone)]
pub struct Session {
    /// Shown in `pg_stat_activity`.
    pub application_name: String,
    /// Schema unqualified names belong to; empty = the role's default.
    pub schema: String,
    /// Longest time one statement may take; zero = no limit (migrations).
    pub statement_timeout: Duration,
}

/// Opens one connection.
pub async fn open(url: &Secret, session: &Session) -> Result<AsyncPgConnection, ConnectionError> {
    let mut config: tokio_postgres::Config = url
        .expose()
        .parse()
        .map_err(|_secret| ConnectionError::InvalidConnectionUrl("the database URL is malformed".to_owned()))?;
    let mut options = format!(
        "-c statement_timeout={} -c idle_in_transaction_session_timeout=20000 -c timezone=UTC",
        session.statement_timeout.as_millis()
    );
    if !session.schema.is_empty() {
        options.push_str(&format!(" -c search_path={}", session.schema));
    }
    config
        .connect_timeout(CONNECT_TIMEOUT)
        .keepalives_idle(Duration::from_secs(30))
        .application_name(&session.application_name)
        .options(&options);
    let (client, connection) =
        config.connect(NoTls).await.map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
    AsyncPgConnection::try_from_client_and_connection(client, connection).await
}
