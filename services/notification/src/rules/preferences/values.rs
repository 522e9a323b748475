//! What a setting may be. Each type is made of checked text, in bodies and in rows alike.

use std::fmt;

use jiff::civil::Time;
use postrider_domain::EmailAddress;
use serde::{Deserialize, Serialize};

use crate::rules::zone::zone;

postrider_domain::words! {
    /// How often a digest is sent.
    #[derive(Serialize, Deserialize, utoipa::ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Frequency {
        None = "none",
        Daily = "daily",
        Weekly = "weekly",
        Monthly = "monthly",
    }

    /// A way a user may be told.
    #[derive(Serialize, Deserialize, utoipa::ToSchema)]
    #[serde(rename_all = "snake_case")]
    pub enum Way {
        InApp = "in_app",
        Email = "email",
        Push = "push",
        Webhook = "webhook",
    }
}

impl Frequency {
    /// Whether no digest is sent.
    pub fn is_none(self) -> bool {
        self == Self::None
    }
}

/// A text that is none of what its setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongValue(&'static str);

/// Declares how a type stands as text: parsed on the way in, shown on the way out.
macro_rules! as_text {
    ($($name:ident),+) => {$(
        impl TryFrom<String> for $name {
            type Error = WrongValue;

            fn try_from(text: String) -> Result<Self, WrongValue> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    )+};
}

as_text!(WallTime, Zone, Sender, Folder);

/// A time of the day, `HH:MM`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$")]
pub struct WallTime(pub Time);

impl WallTime {
    /// That hour, or midnight where the day has none.
    pub fn hour(hour: i8) -> Self {
        Self(Time::new(hour, 0, 0, 0).unwrap_or(Time::midnight()))
    }

    /// Reads `HH:MM` and nothing else.
    pub fn parse(text: &str) -> Result<Self, WrongValue> {
        let wrong = WrongValue("is no time of the form HH:MM");
        let digits =
            |part: &str| (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse());
        let (hour, minute) = text.split_once(':').ok_or(wrong)?;
        match (digits(hour), digits(minute)) {
            (Some(Ok(hour)), Some(Ok(minute))) => {
                Time::new(hour, minute, 0, 0).map(Self).map_err(|_out_of_range| wrong)
            }
            _ => Err(wrong),
        }
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

/// A time zone by its IANA name, as the data spells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct Zone(String);

impl Zone {
    /// UTC.
    pub fn utc() -> Self {
        Self("UTC".to_owned())
    }

    /// Knows the name in any case.
    pub fn parse(text: &str) -> Result<Self, WrongValue> {
        let zone = zone(text).ok_or(WrongValue("is no IANA time zone"))?;
        Ok(Self(zone.iana_name().unwrap_or(text).to_owned()))
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A silenced sender: an address, or `*@domain`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct Sender(String);

impl Sender {
    /// Reads an address or `*@domain`; surrounding white space is dropped.
    pub fn parse(text: &str) -> Result<Self, WrongValue> {
        // A star stands for the whole local part or for itself nowhere.
        let odd = text.contains('*') && !(text.trim().starts_with("*@") && text.matches('*').count() == 1);
        match EmailAddress::parse(text) {
            Ok(address) if !odd => Ok(Self(address.as_str().to_owned())),
            _ => Err(WrongValue("is neither an address nor *@domain")),
        }
    }

    /// Whether both mean the same mails.
    pub fn same(&self, other: &Self) -> bool {
        key(&self.0) == key(&other.0)
    }

    /// Whether a mail of that sender is meant.
    pub fn matches(&self, sender: &str) -> bool {
        let (pattern, sender) = (key(&self.0), key(sender));
        match pattern.strip_prefix('*') {
            Some(domain) => sender.ends_with(domain),
            None => pattern == sender,
        }
    }
}

fn key(sender: &str) -> String {
    EmailAddress::parse(sender).map_or_else(|_not_one| sender.to_lowercase(), |address| address.lookup_key())
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A silenced folder: a label's id, its name, or Gmail's IMAP name of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String)]
pub struct Folder(String);

impl Folder {
    /// Longest name, in bytes: Gmail's labels have 225 characters.
    const LONGEST: usize = 900;

    /// Not blank, not too long, no control characters; surrounding white space is dropped.
    pub fn parse(text: &str) -> Result<Self, WrongValue> {
        let text = text.trim();
        if text.is_empty() || text.len() > Self::LONGEST || text.contains(char::is_control) {
            return Err(WrongValue("is no label's name or id"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Whether both are the same name.
    pub fn same(&self, other: &Self) -> bool {
        self.0.to_lowercase() == other.0.to_lowercase()
    }

    /// Whether a mail with that label is meant.
    pub fn matches(&self, id: &str, name: &str) -> bool {
        let folder = self.0.to_lowercase();
        let bare = folder.strip_prefix("[gmail]/").unwrap_or(&folder);
        let same = |label: &str| {
            let label = label.to_lowercase();
            label == bare || label == folder || label.strip_prefix("category_") == Some(bare)
        };
        same(id) || same(name)
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_two_digits_each_and_exist() {
        assert_eq!(WallTime::parse("07:05").unwrap().to_string(), "07:05");
        for bad in ["", "7:05", "24:00", "12:60", "12:00:00", "-1:00", "+1:00", "１２:00", "12"] {
            assert!(WallTime::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn zones_get_the_spelling_of_the_data() {
        assert_eq!(Zone::parse("america/new_york").unwrap().as_str(), "America/New_York");
        assert!(Zone::parse("Mars/Olympus").is_err() && Zone::parse("").is_err());
    }

    #[test]
    fn senders_match_case_blind_and_by_domain() {
        let matches = |pattern: &str, sender: &str| Sender::parse(pattern).unwrap().matches(sender);
        assert!(matches("Spam@Example.com", "spam@example.COM") && matches("*@Example.com", "a@example.com"));
        assert!(!matches("*@example.com", "a@notexample.com") && !matches("*@example.com", "a@sub.example.com"));
        assert!(matches("*@bücher.example", "a@xn--bcher-kva.example"));
        for bad in ["", "*", "a", "*@", "a*@b.c", "*@*.c", "a@b@", "@b.c", "a b@c.d", "*@b.c\0"] {
            assert!(Sender::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn folders_match_id_name_and_imap_name() {
        for folder in ["CATEGORY_PROMOTIONS", "[Gmail]/Promotions", "promotions"] {
            assert!(Folder::parse(folder).unwrap().matches("CATEGORY_PROMOTIONS", "CATEGORY_PROMOTIONS"), "{folder}");
        }
        for folder in ["Label_7", " bills "] {
            assert!(Folder::parse(folder).unwrap().matches("Label_7", "Bills"), "{folder}");
        }
        assert!(!Folder::parse("Work").unwrap().matches("INBOX", "INBOX"));
        assert!(
            Folder::parse(" ").is_err() && Folder::parse("a\0").is_err() && Folder::parse(&"x".repeat(901)).is_err()
        );
    }
}
