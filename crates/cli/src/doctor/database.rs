//! Postgres: reached, new enough, encrypted where it should be, its clock, its roles, its schemas.

use std::net::IpAddr;

use chrono::TimeDelta;
use postrider_domain::{Clock, Secret};
use postrider_storage::Spec;
use postrider_storage::inspect::{InspectError, Inspection};
use url::Url;

use super::{Finding, Installation, clocks};

const AREA: &str = "postgres";
/// What the tests run.
const OLDEST: u32 = 15;
/// Migrations of each service, by its folder.
const MIGRATIONS: &[(&str, &[&str])] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));
/// What brings a schema up to date.
pub const MIGRATE: &str = "Run `postrider migrate` with the administrator's DATABASE_URL";

/// What was found, and whether the schemas can be asked.
#[derive(Default)]
pub struct Looked {
    pub findings: Vec<Finding>,
    pub usable: bool,
    /// How far the server's clock is ahead of ours.
    pub ahead: Option<TimeDelta>,
}

pub async fn look(installation: &Installation, clock: &dyn Clock) -> Looked {
    let administrator = match installation.administrator() {
        Ok(administrator) => administrator,
        Err(errors) => {
            let findings = vec![Finding::fail(AREA, errors.to_string().trim(), "Correct the setting")];
            return Looked { findings, ..Looked::default() };
        }
    };
    // Beside services alone the administrator is not named; connector's role sees what all may see.
    let url = administrator.clone().or_else(|| installation.database_url(&Spec::CONNECTOR));
    let Some(url) = url else {
        let missing = Finding::fail(
            AREA,
            "neither DATABASE_URL nor a service's own is set, and no private server runs",
            "Set DATABASE_URL, or start a private server with `make services`",
        );
        return Looked { findings: vec![missing], ..Looked::default() };
    };
    let (before, opened) = (clock.now(), Inspection::open(&url, None).await);
    let server = match opened {
        Ok(server) => server,
        Err(error) => {
            return Looked { findings: vec![unreachable(AREA, "the server", &error)], ..Looked::default() };
        }
    };
    let (mut findings, ahead) = match about(&server, &url, clock, before.timestamp_millis()).await {
        Ok((findings, ahead)) => (findings, Some(ahead)),
        Err(error) => (vec![unreachable(AREA, "the server", &error)], None),
    };
    let mut usable = true;
    for spec in Spec::ALL {
        match schema(installation, &server, &spec).await {
            Ok(None) => {}
            Ok(Some(finding)) => {
                usable = false;
                findings.push(finding);
            }
            Err(error) => {
                usable = false;
                findings.push(unreachable(AREA, spec.schema, &error));
            }
        }
    }
    if usable {
        findings.push(Finding::ok(AREA, "every schema is up to date and every service's role logs in"));
    }
    Looked { findings, usable, ahead }
}

/// Version, encryption, clock, connections.
async fn about(
    server: &Inspection,
    url: &Secret,
    clock: &dyn Clock,
    began: i64,
) -> Result<(Vec<Finding>, TimeDelta), InspectError> {
    let row = server
        .row(
            "SELECT current_setting('server_version'), current_setting('server_version_num')::int / 10000, \
             (SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()), \
             (extract(epoch FROM clock_timestamp()) * 1000)::bigint, current_setting('max_connections')::int, \
             (SELECT count(*) FROM pg_stat_activity)",
        )
        .await?;
    let ended = clock.now().timestamp_millis();
    let text = |column: usize| row.get(column).cloned().flatten().unwrap_or_default();
    let number = |column: usize| text(column).parse::<i64>().unwrap_or_default();
    let (version, major) = (text(0), number(1));
    let mut findings = vec![if major >= i64::from(OLDEST) {
        Finding::ok(AREA, format!("version {version}"))
    } else {
        Finding::fail(AREA, format!("version {version} is too old"), format!("Use Postgres {OLDEST} or newer"))
    }];
    findings.push(encryption(url, &text(2)));
    // The server's clock was read somewhere between these two.
    let ahead = if number(3) < began { number(3) - began } else { (number(3) - ended).max(0) };
    let ahead = TimeDelta::milliseconds(ahead);
    findings.push(clocks::drifted("this machine", ahead));
    let (most, open) = (number(4), number(5));
    findings.push(if open * 10 > most * 8 {
        let remedy = "Raise max_connections, or lower DATABASE_MAX_CONNECTIONS (each replica holds up to that many)";
        Finding::warn(AREA, format!("{open} of {most} connections are open"), remedy)
    } else {
        Finding::ok(AREA, format!("{open} of {most} connections are open"))
    });
    Ok((findings, ahead))
}

fn encryption(url: &Secret, version: &str) -> Finding {
    let host = Url::parse(url.expose()).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let here = host.is_empty() || host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    match (version.is_empty(), here) {
        (false, _) => Finding::ok(AREA, format!("encrypted by {version}")),
        (true, true) => Finding::ok(AREA, "not encrypted, on this machine"),
        // A name without dots is one of a private network: compose, a cluster.
        (true, false) if !host.contains('.') => {
            Finding::ok(AREA, format!("not encrypted, in the private network of {host}"))
        }
        (true, false) => Finding::warn(
            AREA,
            format!("the connection to {host} is not encrypted"),
            "Add `?sslmode=verify-full` to the database URLs",
        ),
    }
}

/// What is wrong with a schema: the service cannot log in, or migrations are pending.
async fn schema(
    installation: &Installation,
    server: &Inspection,
    spec: &Spec,
) -> Result<Option<Finding>, InspectError> {
    let roles = format!(
        "SELECT count(*) FROM pg_roles WHERE rolname IN ('{}', '{}', '{}', '{}')",
        spec.role,
        spec.owner(),
        spec.tenant_role(),
        spec.system_role()
    );
    let there = server.row(&roles).await?.first().cloned().flatten();
    if there.as_deref() != Some("4") {
        return Ok(Some(Finding::fail(AREA, format!("the roles of {} are not there", spec.service), MIGRATE)));
    }
    let Some(own) = installation.database_url(spec) else {
        let name = format!("{}_DATABASE_URL", spec.role.to_ascii_uppercase());
        let text = format!("{name} is not set and cannot be derived: DATABASE_URL holds no password");
        return Ok(Some(Finding::fail(AREA, text, format!("Set {name}, then run `postrider migrate`"))));
    };
    let service = match Inspection::open(&own, Some(&spec.system_role())).await {
        Ok(service) => service,
        Err(InspectError::Refused(said)) => {
            let text = format!("{} cannot log in as {}: {said}", spec.service, spec.role);
            return Ok(Some(Finding::fail(
                AREA,
                text,
                format!("{MIGRATE}: it sets the role's password from the settings"),
            )));
        }
        Err(error) => return Ok(Some(unreachable(AREA, spec.service, &error))),
    };
    let ran = service.rows(&format!("SELECT version FROM {}.__diesel_schema_migrations", spec.schema)).await;
    // Without the right to look the schema is older than that right.
    let ran: Vec<String> = ran.unwrap_or_default().into_iter().flatten().flatten().collect();
    let pending = pending(spec.service, &ran);
    if pending > 0 {
        let text = format!("the schema of {} is behind: {pending} migrations are pending", spec.service);
        return Ok(Some(Finding::fail(AREA, text, MIGRATE)));
    }
    Ok(None)
}

fn pending(service: &str, ran: &[String]) -> usize {
    let all = MIGRATIONS.iter().filter(|(folder, _)| *folder == "base" || *folder == service);
    all.flat_map(|(_, versions)| versions.iter()).filter(|version| !ran.iter().any(|one| one == *version)).count()
}

/// Why a server could not be asked.
pub fn unreachable(area: &'static str, what: &str, error: &InspectError) -> Finding {
    let remedy = match error {
        InspectError::Url => "Write it as postgres://user:password@host:5432/database",
        InspectError::Tls(_) => "Check `sslmode` and `sslrootcert` of the URL",
        InspectError::Unreachable(_) => "Start the server, or correct host and port of the URL",
        InspectError::Refused(_) => "Correct user, password or database of the URL",
        InspectError::Busy(_) => {
            "Look again in a minute. If it has no connection left: raise max_connections, or lower DATABASE_MAX_CONNECTIONS"
        }
        InspectError::Query(_) => MIGRATE,
    };
    Finding::fail(area, format!("{what} cannot be asked: {error}"), remedy)
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn every_service_has_the_bases_migrations_and_its_own() {
        assert!(pending("gateway", &[]) >= 3);
        assert!(pending("sync-worker", &[]) > pending("ingest-webhook", &[]));
        let all: Vec<String> = MIGRATIONS.iter().flat_map(|(_, all)| all.iter().map(|one| (*one).to_owned())).collect();
        assert_eq!(pending("sync-worker", &all), 0);
    }

    #[test]
    fn only_a_way_through_foreign_networks_must_be_encrypted() {
        let verdict = |url: &str, version: &str| encryption(&Secret::new(url), version).verdict;
        for private in ["postgres://a:b@127.0.0.1/x", "postgres://a:b@localhost/x", "postgres://a:b@postgres/x"] {
            assert_eq!(verdict(private, ""), Verdict::Ok, "{private}");
        }
        assert_eq!(verdict("postgres://a:b@db.example.com/x", ""), Verdict::Warn);
        assert_eq!(verdict("postgres://a:b@db.example.com/x", "TLSv1.3"), Verdict::Ok);
    }
}
