//! What is set but should not be: unknown names with our prefixes, values of the wrong type.

use super::Env;
use crate::config::error::{ConfigError, ConfigErrors};

/// A variable that starts with one of these is ours, so an unknown one is a mistake.
const PREFIXES: &[&str] = &[
    "ALL_IN_ONE_",
    "AMQP_",
    "APP_PUBLIC_",
    "ATTACHMENT_",
    "BOOTSTRAP_",
    "CONNECTOR_",
    "CORS_",
    "DATABASE_",
    "DELETED_EMAIL_",
    "ENCRYPTION_",
    "FERNET_",
    "GATEWAY_",
    "GMAIL_",
    "GOOGLE_",
    "INGEST_",
    "INTERNAL_KEY",
    "JWT_",
    "METRICS_PER_",
    "NOTIFICATION_",
    "OAUTH_",
    "POLLING_",
    "PORT_BASE",
    "PUBSUB_",
    "PUSH_HOST",
    "PUSH_NOTIFICATIONS_",
    "RATE_LIMIT_",
    "SMTP_",
    "SOCKETIO_",
    "SPAM_HOLD_",
    "STOP_DEADLINE_",
    "STREAM_CHECK_",
    "SYNC_WORKER_",
    "TRUSTED_",
    "VAPID_",
    "WEBHOOK_ALLOW_",
];
/// Names that Google's own tools put into environments.
const FOREIGN: &[&str] =
    &["GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_API_", "GOOGLE_CLOUD_", "PUBSUB_EMULATOR_HOST", "PUBSUB_PROJECT_ID"];

impl Env {
    /// Checks everything that is set, also what this service does not read: one environment serves all services.
    ///
    /// # Errors
    /// Unknown names with one of our prefixes (with the nearest known name), and values of the wrong type.
    pub fn check(&self) -> Result<(), ConfigErrors> {
        let unknown = self.values().keys().filter(|name| self.is_unknown(name)).map(|name| self.unknown(name));
        let malformed = self.catalog().iter().filter_map(|entry| {
            let value = if entry.secret {
                self.secret_text(&entry.name).ok()?.map(|(value, _)| value)
            } else {
                self.text(&entry.name).map(|(value, _)| value)
            }?;
            (!entry.kind.accepts(&value)).then(|| self.malformed(&entry.name, "it is not of the setting's type"))
        });
        let errors = unknown.map(ConfigErrors::from).chain(malformed);
        ConfigErrors::join(errors).map_or(Ok(()), Err)
    }

    fn is_unknown(&self, name: &str) -> bool {
        PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            && self.catalog().owner_of(name).is_none()
            && !FOREIGN.iter().any(|foreign| name.starts_with(foreign))
            && !is_service_link(name)
    }

    fn unknown(&self, name: &str) -> ConfigError {
        if let Some(plain) = name.strip_suffix("_FILE").filter(|plain| self.catalog().owner_of(plain).is_some()) {
            return ConfigError::new(
                name,
                "is not a setting: only secrets are read from files",
                format!("Set {plain}"),
            );
        }
        let remedy = match self.nearest(name) {
            Some(near) => format!("Did you mean {near}? If not, unset it; .env.example lists all settings"),
            None => "Unset it; .env.example lists all settings".to_owned(),
        };
        ConfigError::new(name, "is not a setting", remedy)
    }

    fn nearest(&self, name: &str) -> Option<&'static str> {
        let (distance, near) =
            self.catalog().names().map(|known| (distance(name, known), known)).min_by_key(|(distance, _)| *distance)?;
        (distance <= (name.len() / 4).max(2)).then_some(near)
    }
}

/// Kubernetes tells each container about every service (`CONNECTOR_SERVICE_HOST`, `CONNECTOR_PORT_8001_TCP_ADDR`);
/// those names are not the operator's mistake
/// (https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables).
fn is_service_link(name: &str) -> bool {
    name.ends_with("_PORT")
        || name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.split_once("_PORT_").is_some_and(|(_, rest)| {
            let mut parts = rest.split('_');
            parts.next().is_some_and(|port| port.parse::<u16>().is_ok())
                && parts.next().is_some_and(|protocol| ["TCP", "UDP", "SCTP"].contains(&protocol))
        })
}

/// Edit distance (insertions, deletions, changes).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (cb, above) in b.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(ca != *cb)).min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(pairs: &[(&str, &str)]) -> String {
        Env::from_pairs(pairs.iter().copied()).check().err().map(|errors| errors.to_string()).unwrap_or_default()
    }

    #[test]
    fn an_unknown_name_stops_with_the_nearest_known_one() {
        assert!(errors(&[("GOOGLE_CLIENT_IDD", "x")]).contains("Did you mean GOOGLE_CLIENT_ID?"));
        assert!(errors(&[("GMAIL_PUBSUB_TOPICS", "x")]).contains("Did you mean GMAIL_PUBSUB_TOPIC?"));
        assert!(errors(&[("CONNECTOR_SOMETHING_ELSE_ENTIRELY", "x")]).contains("Unset it"));
        assert!(errors(&[("PORT_BASE_FILE", "/x")]).contains("only secrets"));
    }

    #[test]
    fn foreign_names_are_left_alone() {
        let foreign = [
            ("PATH", "/bin"),
            ("GOOGLE_APPLICATION_CREDENTIALS", "/x.json"),
            ("GATEWAY_SERVICE_HOST", "10.0.0.1"),
            ("GATEWAY_SERVICE_PORT_HTTP", "8000"),
            ("GATEWAY_PORT", "tcp://10.0.0.1:8000"),
            ("SYNC_WORKER_PORT_8002_TCP_ADDR", "10.0.0.1"),
        ];
        assert_eq!(errors(&foreign), "");
    }

    #[test]
    fn a_value_of_the_wrong_type_stops_even_if_this_service_does_not_read_it() {
        let text = errors(&[("POLLING_INTERVAL", "hourly"), ("GATEWAY_ADDR", "here"), ("AMQP_URL", "hunter2")]);
        assert!(
            text.contains("fast, normal, slow") && text.contains("GATEWAY_ADDR") && text.contains("AMQP_URL"),
            "{text}"
        );
        assert!(!text.contains("hunter2"));
    }

    #[test]
    fn every_known_name_is_covered_by_a_prefix_or_too_common_for_one() {
        let common =
            ["LOG_FORMAT", "LOG_LEVEL", "MAIL_FROM", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"];
        for name in Env::from_pairs::<&str, &str>([]).catalog().names() {
            let covered = PREFIXES.iter().any(|prefix| name.starts_with(prefix));
            assert!(covered != common.contains(&name), "{name}");
        }
    }

    #[test]
    fn distances() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }
}
