//! Every setting there is, read from the `.env.example` that is compiled in.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::kind::Kind;

const EXAMPLE: &str = include_str!("../../../../.env.example");

/// What `.env.example` says about one setting.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub name: String,
    pub kind: Kind,
    /// Its value is never printed, and it may be given as `NAME_FILE`.
    pub secret: bool,
    /// Names read in its place, in this order.
    pub also: Vec<String>,
    pub default: Option<String>,
    pub comment: String,
}

/// All entries by name.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    entries: BTreeMap<String, Entry>,
}

/// The lines before an entry.
#[derive(Default)]
struct Pending {
    comment: Vec<String>,
    kind: Option<(Kind, bool)>,
    also: Vec<String>,
}

impl Catalog {
    /// The catalogue of this version.
    pub fn current() -> &'static Self {
        static CURRENT: OnceLock<Catalog> = OnceLock::new();
        CURRENT.get_or_init(|| Self::read(EXAMPLE))
    }

    /// Reads the file's format. What is malformed is left out; a test counts the entries.
    fn read(text: &str) -> Self {
        let (mut catalog, mut pending) = (Self::default(), Pending::default());
        for line in text.lines() {
            if let Some(comment) = line.strip_prefix("# ") {
                pending.take(comment);
                continue;
            }
            if let Some((name, default)) = line.strip_prefix('#').and_then(|entry| entry.split_once('='))
                && let Some((kind, secret)) = pending.kind.take()
            {
                let (name, also) = (name.to_owned(), std::mem::take(&mut pending.also));
                let default = (!default.is_empty()).then(|| default.to_owned());
                let comment = pending.comment.join(" ");
                catalog.entries.insert(name.clone(), Entry { name, kind, secret, also, default, comment });
            }
            pending = Pending::default();
        }
        catalog
    }

    pub fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The entry a variable belongs to, by its name, an older name, or `NAME_FILE` of a secret.
    pub fn owner_of(&self, variable: &str) -> Option<&Entry> {
        let named = |name: &str| {
            self.get(name).or_else(|| self.iter().find(|entry| entry.also.iter().any(|also| also == name)))
        };
        named(variable).or_else(|| variable.strip_suffix("_FILE").and_then(named).filter(|entry| entry.secret))
    }

    /// Every name that may be set.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.iter().flat_map(|entry| std::iter::once(&entry.name).chain(&entry.also)).map(String::as_str)
    }
}

impl Pending {
    fn take(&mut self, comment: &str) {
        if let Some(words) = comment.strip_prefix("type: ") {
            let secret = words.split_ascii_whitespace().any(|word| word == "secret");
            self.kind = Kind::read(words).map(|kind| (kind, secret));
        } else if let Some(names) = comment.strip_prefix("also: ") {
            self.also = names.split(',').map(|name| name.trim().to_owned()).collect();
        } else {
            self.comment.push(comment.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_the_example_has_a_comment_a_type_and_a_default_of_that_type() {
        let catalog = Catalog::current();
        let written = EXAMPLE.lines().filter(|line| {
            let name = line.strip_prefix('#').and_then(|line| line.split_once('=')).map_or("", |(name, _)| name);
            !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
        });
        assert_eq!(catalog.iter().count(), written.count(), "an entry has no type, or stands twice");
        for entry in catalog.iter() {
            assert!(entry.comment.len() > 10, "{} has no comment", entry.name);
            assert!(!(entry.secret && entry.default.is_some()), "{} is a secret with a default", entry.name);
            if let Some(default) = &entry.default {
                assert!(entry.kind.accepts(default), "{}: {default} is not a {:?}", entry.name, entry.kind);
            }
        }
    }

    #[test]
    fn secrets_are_marked() {
        let catalog = Catalog::current();
        for entry in catalog.iter() {
            let looks_secret =
                ["SECRET", "KEYS", "PRIVATE_KEY", "REFRESH_TOKEN", "HEADERS", "DATABASE_URL", "AMQP_URL", "SMTP_URL"]
                    .iter()
                    .any(|word| entry.name.ends_with(word));
            assert_eq!(entry.secret, looks_secret, "{}", entry.name);
        }
    }

    #[test]
    fn older_names_and_files_belong_to_their_setting() {
        let catalog = Catalog::current();
        let owner = |name| catalog.owner_of(name).map(|entry| entry.name.as_str());
        assert_eq!(owner("GMAIL_CLIENT_ID"), Some("GOOGLE_CLIENT_ID"));
        assert_eq!(owner("FERNET_SECRET_FILE"), Some("ENCRYPTION_KEYS"));
        assert_eq!(owner("PORT_BASE_FILE"), None);
    }
}
