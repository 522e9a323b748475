//! Secrets of a local stack: made once, kept in `<dir>/stack.env` (mode 600), the same at the next start, because sealed
//! credentials and tokens that were handed out must stay readable. Real installations set their own.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use postrider_domain::{Entropy, OsEntropy};

const FILE: &str = "stack.env";

/// Who may call whom inside; nobody else gets a key.
const PAIRS: [(&str, &str); 8] = [
    ("gateway", "connector"),
    ("gateway", "sync-worker"),
    ("gateway", "notification"),
    ("gateway", "ingest-webhook"),
    // Whose account a watch channel is for.
    ("ingest-webhook", "connector"),
    ("sync-worker", "connector"),
    ("notification", "connector"),
    ("notification", "sync-worker"),
];

/// The secrets by the names of their settings.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets(BTreeMap<String, String>);

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Secrets").field(&self.0.keys().collect::<Vec<_>>()).finish()
    }
}

impl Secrets {
    /// The file's secrets; what is missing is made and written.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn load_or_make(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let mut secrets = match std::fs::read_to_string(&path) {
            Ok(text) => parse(&text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        };
        let before = secrets.clone();
        for (name, value) in fresh(&OsEntropy) {
            secrets.entry(name).or_insert(value);
        }
        if let Some(keys) = secrets.get_mut("INTERNAL_KEYS") {
            *keys = with_all_pairs(keys, &OsEntropy);
        }
        if secrets != before {
            write(dir, &secrets).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(Self(secrets))
    }

    /// The value of a setting.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Fresh secrets that are written nowhere.
    #[cfg(test)]
    pub(super) fn for_tests() -> Self {
        Self(fresh(&OsEntropy).into_iter().collect())
    }
}

/// The keys of the pairs a service stands in, out of all.
pub(super) fn keys_of(all: &str, service: &str) -> String {
    let concerns = |entry: &&str| {
        let pair = entry.split_once(':').map_or(*entry, |(pair, _)| pair);
        pair.split('>').any(|name| name == service)
    };
    all.split(',').filter(concerns).collect::<Vec<_>>().join(",")
}

/// Keys made by an older version, with those of pairs that came later.
fn with_all_pairs(keys: &str, entropy: &dyn Entropy) -> String {
    let known = |pair: &str| keys.split(',').any(|entry| entry.split_once(':').is_some_and(|(of, _)| of == pair));
    let pairs = PAIRS.iter().map(|(caller, callee)| format!("{caller}>{callee}")).filter(|pair| !known(pair));
    let made = pairs.map(|pair| {
        let mut key = [0; 32];
        entropy.fill(&mut key);
        format!("{pair}:{}", STANDARD.encode(key))
    });
    std::iter::once(keys.to_owned()).chain(made).collect::<Vec<_>>().join(",")
}

fn fresh(entropy: &dyn Entropy) -> Vec<(String, String)> {
    let random = |len: usize| {
        let mut bytes = vec![0; len];
        entropy.fill(&mut bytes);
        bytes
    };
    let pairs: Vec<_> =
        PAIRS.iter().map(|(caller, callee)| format!("{caller}>{callee}:{}", STANDARD.encode(random(32)))).collect();
    vec![
        ("JWT_SECRET".to_owned(), URL_SAFE.encode(random(48))),
        ("ENCRYPTION_KEYS".to_owned(), URL_SAFE.encode(random(32))),
        ("NOTIFICATION_ENCRYPTION_KEYS".to_owned(), URL_SAFE.encode(random(32))),
        ("INTERNAL_KEYS".to_owned(), pairs.join(",")),
        ("GOOGLE_CLIENT_ID".to_owned(), "postrider-demo.apps.googleusercontent.com".to_owned()),
        ("GOOGLE_CLIENT_SECRET".to_owned(), URL_SAFE.encode(random(24))),
    ]
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once('=')).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// Written beside and moved into place, so that a crash leaves the old file or the new one.
fn write(dir: &Path, secrets: &BTreeMap<String, String>) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let (path, beside) = (dir.join(FILE), dir.join(format!("{FILE}.new")));
    // Left by a command that was killed, perhaps with another mode.
    let _not_there = std::fs::remove_file(&beside);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    writeln!(file, "# Secrets of this local stack, made once. `make reset` deletes them with the data they protect.")?;
    for (name, value) in secrets {
        writeln!(file, "{name}={value}")?;
    }
    file.sync_all()?;
    std::fs::rename(beside, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn secrets_are_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = Secrets::load_or_make(dir.path()).unwrap();
        assert_eq!(Secrets::load_or_make(dir.path()).unwrap(), first);
        let mode = std::fs::metadata(dir.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(first.get("JWT_SECRET").unwrap().len() >= 32);
        assert!(fernet::Fernet::new(first.get("ENCRYPTION_KEYS").unwrap()).is_some());
    }

    #[test]
    fn pairs_that_came_later_get_their_keys_and_the_others_keep_theirs() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "INTERNAL_KEYS=gateway>connector:aa=\n").unwrap();
        let secrets = Secrets::load_or_make(dir.path()).unwrap();
        let keys = secrets.get("INTERNAL_KEYS").unwrap();
        assert!(keys.starts_with("gateway>connector:aa=,"), "{keys}");
        assert_eq!((keys.split(',').count(), keys.matches("ingest-webhook>connector:").count()), (PAIRS.len(), 1));
        assert_eq!(Secrets::load_or_make(dir.path()).unwrap(), secrets);
    }

    #[test]
    fn a_service_gets_the_keys_of_its_own_pairs_only() {
        let all = "gateway>connector:aa=,sync-worker>connector:bb=,gateway>notification:cc=";
        assert_eq!(keys_of(all, "connector"), "gateway>connector:aa=,sync-worker>connector:bb=");
        assert_eq!(keys_of(all, "notification"), "gateway>notification:cc=");
        assert_eq!(keys_of(all, "gmail-sim"), "");
    }
}
