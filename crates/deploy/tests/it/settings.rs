//! The names that `.env.example` knows.

use std::collections::BTreeSet;

use crate::repository::text;

/// Every name a setting may be given by: its own, older ones, and for secrets those of files.
pub fn names() -> BTreeSet<String> {
    let (mut names, mut secret, mut also) = (BTreeSet::new(), false, Vec::new());
    for line in text(".env.example").lines() {
        if let Some(kind) = line.strip_prefix("# type: ") {
            secret = kind.split(' ').any(|word| word == "secret");
        } else if let Some(older) = line.strip_prefix("# also: ") {
            also = older.split(',').map(|name| name.trim().to_owned()).collect();
        } else if let Some((name, _)) = line.strip_prefix('#').and_then(|line| line.split_once('='))
            && !name.starts_with(' ')
        {
            for name in std::iter::once(name.to_owned()).chain(std::mem::take(&mut also)) {
                if secret {
                    names.insert(format!("{name}_FILE"));
                }
                names.insert(name);
            }
            secret = false;
        }
    }
    names
}

#[test]
fn the_catalogue_is_read() {
    let names = names();
    for name in ["PORT_BASE", "GMAIL_CLIENT_ID", "JWT_SECRET_FILE", "FERNET_SECRET_FILE", "METRICS_PER_CONNECTOR"] {
        assert!(names.contains(name), "{name}");
    }
    assert!(!names.contains("PORT_BASE_FILE") && !names.contains("NAME"));
}
