//! Cuts secrets out of log lines. Nothing of ours logs them; this stands behind what libraries put into error texts.

use std::sync::Arc;

use url::Url;

use crate::config::Env;

/// Shorter parts would hide ordinary words.
const SHORTEST: usize = 12;
const MARK: &str = "[secret]";

/// The values to cut out. Clones share them; `Debug` does not show them.
#[derive(Clone, Default)]
pub struct Redactor(Arc<[String]>);

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} values)", self.0.len())
    }
}

impl Redactor {
    /// Every secret that is set, whole and in its parts: keys of a list, values of headers, the password of a URL.
    pub fn of(env: &Env) -> Self {
        let secrets = env.catalog().iter().filter(|entry| entry.secret);
        let values = secrets.filter_map(|entry| env.secret_text(&entry.name).ok().flatten());
        Self::new(values.map(|(value, _)| value))
    }

    /// The given secrets, whole and in their parts.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut all: Vec<String> = secrets.into_iter().flat_map(|secret| parts(&secret)).collect();
        // Long ones first: a part must not leave the rest of the whole behind.
        all.sort_by_key(|part| std::cmp::Reverse(part.len()));
        all.dedup();
        Self(all.into())
    }

    /// The line without secrets.
    pub fn clean(&self, line: String) -> String {
        if !self.0.iter().any(|secret| line.contains(secret)) {
            return line;
        }
        self.0.iter().fold(line, |line, secret| line.replace(secret, MARK))
    }
}

fn parts(secret: &str) -> Vec<String> {
    let mut parts = vec![secret.to_owned()];
    if let Ok(url) = Url::parse(secret) {
        parts.extend(url.password().map(str::to_owned));
    } else {
        parts.extend(secret.split([',', ':']).map(|part| part.trim().to_owned()));
        // `name=value`, and the value as it is sent: percent-encoded words parted by spaces.
        let values = secret.split(',').filter_map(|part| part.split_once('=')).map(|(_, value)| value.trim());
        parts.extend(values.flat_map(|value| value.split("%20").map(str::to_owned)));
    }
    parts.retain(|part| part.len() >= SHORTEST);
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_secrets_keys_and_passwords_are_cut_out() {
        let env = Env::from_pairs([
            ("AMQP_URL", "amqp://me:correct-horse-battery@host/vhost"),
            ("INTERNAL_KEYS", "a>b:Zm9vYmFyYmF6cXV4,b>c:cXV4YmF6YmFyZm9v"),
        ]);
        let redactor = Redactor::of(&env);
        let line = "x amqp://me:correct-horse-battery@host/vhost correct-horse-battery cXV4YmF6YmFyZm9v y".to_owned();
        assert_eq!(redactor.clean(line), "x [secret] [secret] [secret] y");
        assert_eq!(redactor.clean("nothing to hide".to_owned()), "nothing to hide");
    }
}
