//! Typed ids. Ours are UUIDv7; Gmail's and the callers' ids are opaque text with a length limit.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a text is not an id of the wanted kind. A malformed path id answers 404, a malformed body member 422.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind}: {reason}")]
pub struct ParseIdError {
    /// The type that was asked for, e.g. `ConnectorId`.
    pub kind: &'static str,
    /// What is wrong with the text, never the text itself.
    pub reason: &'static str,
}

/// Declares a UUIDv7 id type. The one macro of this crate.
macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text)
                    .map(Self)
                    .map_err(|_not_a_uuid| ParseIdError { kind: stringify!($name), reason: "is not a UUID" })
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    )*};
}

uuid_id! {
    /// A connected account. The mailbox row and the public account id are the same id.
    ConnectorId,
    /// Our id of a mirrored mail; Gmail's is [`MessageId`].
    EmailId,
    /// The id of an event on the bus.
    EventId,
    /// A notification shown to one user.
    NotificationId,
    /// A sync run.
    RunId,
    /// A watch (push or polling) on a connector.
    WatchId,
}

/// Declares an opaque text id with a maximum length in bytes.
macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident <= $max:literal),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Longest accepted text, in bytes.
            pub const MAX_LEN: usize = $max;

            /// Takes the text if it is not empty, short enough and free of control characters.
            pub fn parse(text: impl Into<String>) -> Result<Self, ParseIdError> {
                let text = text.into();
                opaque(&text, $max).map_err(|reason| ParseIdError { kind: stringify!($name), reason })?;
                Ok(Self(text))
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The owned text, for binding into SQL and events.
            pub fn into_string(self) -> String {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::parse(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    )*};
}

text_id! {
    /// A tenant, from the verified token's `tenant_id`.
    TenantId <= 128,
    /// A user of a tenant, from the verified token's `sub`.
    UserId <= 128,
    /// Gmail's message id: unique in one mailbox only.
    MessageId <= 128,
    /// Gmail's thread id.
    ThreadId <= 128,
    /// Gmail's label id (`INBOX`, `Label_12`).
    LabelId <= 256,
    /// Google's stable account id, the `sub` of an id_token, or `email:<address>` where none is known.
    GoogleSub <= 320,
}

fn opaque(text: &str, max: usize) -> Result<(), &'static str> {
    if text.is_empty() {
        Err("is empty")
    } else if text.len() > max {
        Err("is too long")
    } else if text.chars().any(char::is_control) {
        Err("has a control character")
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_ids_refuse_empty_long_and_control_characters() {
        assert!(TenantId::parse("acme").is_ok());
        assert!(TenantId::parse("a".repeat(128)).is_ok());
        for bad in [String::new(), "a".repeat(129), "a\0b".into(), "a\nb".into()] {
            assert!(TenantId::parse(bad).is_err());
        }
    }

    #[test]
    fn uuid_ids_read_what_they_print() {
        let id = ConnectorId(Uuid::from_u128(42));
        assert_eq!(id.to_string().parse::<ConnectorId>().unwrap(), id);
        assert!("42".parse::<ConnectorId>().is_err());
    }
}
