//! Origins that an operator lists in a setting: pages that may read answers, places a browser may be sent to.

use postrider_runtime::{ConfigErrors, Env};
use url::{Origin, Url};

/// A list of origins. Nobody unless named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origins {
    any: bool,
    named: Vec<String>,
}

/// An entry that is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an origin such as https://app.example.com (no path, no slash at the end)")]
pub struct NotAnOrigin(pub String);

impl Origins {
    /// Reads a comma-separated setting in which `*` stands for all origins.
    ///
    /// # Errors
    /// An entry that is no origin.
    pub fn load(env: &Env, setting: &str) -> Result<Self, ConfigErrors> {
        Self::parse(env.list(setting)).map_err(|error| env.malformed(setting, &error.to_string()))
    }

    /// Reads a comma-separated setting in which every origin must be named. A slash at the end is overlooked.
    ///
    /// # Errors
    /// An entry that is no origin, `*` among them.
    pub fn load_named(env: &Env, setting: &str) -> Result<Self, ConfigErrors> {
        let entries = env.list(setting);
        let named: Result<_, _> =
            entries.iter().map(|entry| origin(entry.strip_suffix('/').unwrap_or(entry))).collect();
        let named = named.map_err(|error: NotAnOrigin| env.malformed(setting, &error.to_string()))?;
        Ok(Self { any: false, named })
    }

    /// Reads entries of a list; `*` stands for all origins.
    ///
    /// # Errors
    /// The entry that is no origin.
    pub fn parse<T: AsRef<str>>(entries: impl IntoIterator<Item = T>) -> Result<Self, NotAnOrigin> {
        let mut origins = Self::default();
        for entry in entries {
            match entry.as_ref() {
                "*" => origins.any = true,
                entry => origins.named.push(origin(entry)?),
            }
        }
        Ok(origins)
    }

    /// Whether every origin is in the list.
    pub fn is_any(&self) -> bool {
        self.any
    }

    /// Whether no origin is in the list.
    pub fn is_empty(&self) -> bool {
        !self.any && self.named.is_empty()
    }

    /// The origins named one by one, as a browser writes them.
    pub fn named(&self) -> &[String] {
        &self.named
    }

    /// Whether this origin is in the list.
    pub fn contains(&self, origin: &Origin) -> bool {
        self.any || self.named.contains(&origin.ascii_serialization())
    }

    /// What `Access-Control-Allow-Origin` says to a page of this origin; none when it may not read.
    pub fn allow(&self, origin: &str) -> Option<&str> {
        if self.any {
            return Some("*");
        }
        self.named.iter().find(|named| named.eq_ignore_ascii_case(origin)).map(String::as_str)
    }
}

fn origin(entry: &str) -> Result<String, NotAnOrigin> {
    let wrong = || NotAnOrigin(entry.to_owned());
    let url = Url::parse(entry).map_err(|_not_a_url| wrong())?;
    let plain = matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.query().is_none();
    let nobody = url.username().is_empty() && url.fragment().is_none();
    if plain && nobody && !entry.ends_with('/') { Ok(url.origin().ascii_serialization()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Origin {
        Url::parse(text).unwrap().origin()
    }

    #[test]
    fn nobody_is_allowed_unless_named() {
        let none = Origins::parse::<&str>([]).unwrap();
        assert!(none.is_empty() && none.allow("https://evil.example").is_none());
        let some = Origins::parse(["https://App.example.com", "http://localhost:3000"]).unwrap();
        assert_eq!(some.named(), ["https://app.example.com", "http://localhost:3000"]);
        assert_eq!(some.allow("https://app.example.com"), Some("https://app.example.com"));
        assert_eq!(some.allow("http://localhost:3000"), Some("http://localhost:3000"));
        assert!(some.contains(&of("https://app.example.com/a?b")) && !some.is_any());
        for other in ["https://app.example.com.evil.example", "http://app.example.com", "http://localhost", "null"] {
            assert_eq!(some.allow(other), None, "{other}");
        }
        assert!(!some.contains(&of("http://app.example.com")) && !some.contains(&of("data:text/html,x")));
        let any = Origins::parse(["https://a.example", "*"]).unwrap();
        assert_eq!(any.allow("https://b.example"), Some("*"));
        assert!(any.is_any() && any.contains(&of("https://b.example")));
    }

    #[test]
    fn entries_that_are_no_origins_are_named() {
        for bad in [
            "app.example.com",
            "https://a.example/path",
            "https://a.example/",
            "https://a.example#a",
            "ftp://a.example",
            "https://u@a.b",
            "**",
        ] {
            assert_eq!(Origins::parse([bad]), Err(NotAnOrigin(bad.to_owned())));
        }
    }

    #[test]
    fn settings_are_read_with_all_or_by_name_only() {
        let name = "OAUTH_RETURN_ORIGINS";
        let env = |text: &str| Env::from_pairs([(name, text)]);
        assert!(Origins::load(&env(""), name).unwrap().is_empty());
        assert!(Origins::load(&env("https://a.example, *"), name).unwrap().is_any());
        let named = Origins::load_named(&env("https://a.example/,http://b.example"), name).unwrap();
        assert_eq!(named.named(), ["https://a.example", "http://b.example"]);
        for bad in ["*", "https://a.example/path", "app"] {
            let error = Origins::load_named(&env(bad), name).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains(bad), "{error}");
        }
    }
}
