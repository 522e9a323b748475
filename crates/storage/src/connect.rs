//! Opening connections: timeouts, search path and application name are set before the first statement.

use std::time::Duration;

use diesel::ConnectionError;
use diesel_async::AsyncPgConnection;
use postrider_domain::Secret;

use crate::tls::Target;

/// How long a connection attempt may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the server may leave bytes unacknowledged: a fail-over that drops packets would otherwise hold every
/// connection until the kernel gives up, which takes some 15 minutes.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);

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

/// Reads the URL once, so that a wrong one stops the start and not the first query.
pub fn check(url: &Secret) -> Result<(), ConnectionError> {
    target(url).map(drop)
}

/// Opens one connection.
pub async fn open(url: &Secret, session: &Session) -> Result<AsyncPgConnection, ConnectionError> {
    let Target { mut config, tls } = target(url)?;
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
        .tcp_user_timeout(SILENCE_TIMEOUT)
        .application_name(&session.application_name)
        .options(&options);
    let (client, connection) = config.connect(tls).await.map_err(|error| {
        // tokio-postgres says "error performing TLS handshake" and keeps the reason below it.
        let reason = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
        ConnectionError::BadConnection(format!("{error}{reason}"))
    })?;
    AsyncPgConnection::try_from_client_and_connection(client, connection).await
}

fn target(url: &Secret) -> Result<Target, ConnectionError> {
    let malformed = |_secret| ConnectionError::InvalidConnectionUrl("the database URL is malformed".to_owned());
    Target::parse(url).map_err(malformed)?.map_err(|error| ConnectionError::InvalidConnectionUrl(error.to_string()))
}
