//! The types a setting may have, as `.env.example` names them.

use std::net::SocketAddr;

use url::Url;

/// A setting's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Url,
    Address,
    Port,
    Count,
    Seconds,
    Flag,
    List,
    Choice(Vec<String>),
}

impl Kind {
    /// Reads the words after `type:`; `secret` among them is not part of the kind.
    pub fn read(words: &str) -> Option<Self> {
        let mut words = words.split_ascii_whitespace().filter(|word| *word != "secret").peekable();
        let Some(first) = words.next() else { return Some(Self::Text) };
        let kind = match first {
            "text" => Self::Text,
            "url" => Self::Url,
            "address" => Self::Address,
            "port" => Self::Port,
            "count" => Self::Count,
            "seconds" => Self::Seconds,
            "flag" => Self::Flag,
            "list" => Self::List,
            "choice" => Self::Choice(words.by_ref().map(str::to_owned).collect()),
            _ => return None,
        };
        words.next().is_none().then_some(kind)
    }

    /// True if the value is of this type.
    pub fn accepts(&self, value: &str) -> bool {
        match self {
            Self::Text | Self::List => true,
            Self::Url => Url::parse(value).is_ok_and(|url| url.has_host() || url.scheme() == "file"),
            Self::Address => value.parse::<SocketAddr>().is_ok(),
            Self::Port => value.parse::<u16>().is_ok(),
            Self::Count | Self::Seconds => value.parse::<u32>().is_ok(),
            Self::Flag => flag(value).is_some(),
            Self::Choice(words) => words.iter().any(|word| word == value),
        }
    }

    /// What to set instead, as the end of a remedy.
    pub fn remedy(&self) -> String {
        match self {
            Self::Text => "Set it to a text".to_owned(),
            Self::Url => "Set it to a URL, e.g. https://host:1234/path".to_owned(),
            Self::Address => "Set it to an address and port, e.g. 127.0.0.1:8000".to_owned(),
            Self::Port => "Set it to a port from 0 to 65535".to_owned(),
            Self::Count => "Set it to a whole number from 0 to 4294967295".to_owned(),
            Self::Seconds => "Set it to whole seconds, digits only".to_owned(),
            Self::Flag => "Set it to true or false".to_owned(),
            Self::List => "Set it to values separated by commas".to_owned(),
            Self::Choice(words) => format!("Set it to one of {}", words.join(", ")),
        }
    }
}

/// `true`/`1`/`yes`/`on` and their opposites, in any case.
pub(crate) fn flag(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_takes_its_values_only() {
        let table = [
            ("url", "https://a.b/c", "not a url"),
            ("address", "[::1]:80", "localhost"),
            ("port", "65535", "65536"),
            ("count", "0", "-1"),
            ("seconds", "30", "30s"),
            ("flag", "TRUE", "perhaps"),
            ("choice a b", "b", "c"),
        ];
        for (kind, good, bad) in table {
            let kind = Kind::read(kind).unwrap();
            assert!(kind.accepts(good) && !kind.accepts(bad), "{kind:?}");
        }
        assert_eq!(Kind::read("secret"), Some(Kind::Text));
        assert_eq!(Kind::read("secret url"), Some(Kind::Url));
        assert_eq!(Kind::read("number"), None);
        assert_eq!(Kind::read("url more"), None);
    }
}
