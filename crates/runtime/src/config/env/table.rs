//! `check-config`: the settings a service reads, their values and where each came from.

use super::{Env, Origin};

impl Env {
    /// Every setting that was read so far, one a line. Secrets are hidden.
    pub fn table(&self) -> String {
        let rows: Vec<[String; 3]> = self.names_read().iter().map(|name| self.row(name)).collect();
        let width =
            |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        let (names, values) = (width(0).unwrap_or(0), width(1).unwrap_or(0).min(60));
        let mut lines: Vec<String> =
            rows.iter().map(|[name, value, origin]| format!("{name:<names$}  {value:<values$}  {origin}")).collect();
        lines.push(String::new());
        lines.join("\n")
    }

    fn row(&self, name: &str) -> [String; 3] {
        let secret = self.catalog().get(name).is_some_and(|entry| entry.secret);
        let found = if secret { self.secret_text(name) } else { Ok(self.text(name)) };
        let (value, origin) = match found {
            Ok(Some((value, origin))) => (if secret { "(hidden)".to_owned() } else { value }, origin),
            Ok(None) => ("-".to_owned(), Origin::NotSet),
            Err(_told_below) => ("(unreadable)".to_owned(), Origin::NotSet),
        };
        let origin = match origin {
            Origin::Variable(variable) if variable == name => "environment".to_owned(),
            Origin::Variable(variable) => format!("environment, as {variable}"),
            Origin::File { variable, path } => format!("file {path}, by {variable}"),
            Origin::Default => "default".to_owned(),
            Origin::NotSet => "not set".to_owned(),
        };
        [name.to_owned(), value, origin]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_values_and_sources_and_hides_secrets() {
        let env = Env::from_pairs([("JWT_SECRET", "hunter2"), ("GMAIL_CLIENT_ID", "me"), ("LOG_FORMAT", "pretty")]);
        let _read = (env.secret("JWT_SECRET"), env.optional("GOOGLE_CLIENT_ID"), env.optional("LOG_FORMAT"));
        let _read = (env.optional("LOG_LEVEL"), env.optional("JWT_ISSUER"), env.malformed("JWT_SECRET", "short"));
        let table = env.table();
        assert!(!table.contains("hunter2"));
        let cells = |name: &str| {
            let line = table.lines().find(|line| line.starts_with(name)).unwrap();
            line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).skip(1).collect::<Vec<_>>().join("|")
        };
        assert_eq!(cells("JWT_SECRET"), "(hidden)|environment");
        assert_eq!(cells("GOOGLE_CLIENT_ID"), "me|environment, as GMAIL_CLIENT_ID");
        assert_eq!(cells("LOG_FORMAT"), "pretty|environment");
        assert_eq!(cells("LOG_LEVEL"), "info|default");
        assert_eq!(cells("JWT_ISSUER"), "-|not set");
    }
}
