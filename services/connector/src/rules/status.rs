//! A connector's states and the changes between them.

use std::fmt;

/// What a connector can do at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Active,
    /// Stopped by its owner; its grant and watch stay.
    Paused,
    /// The grant is gone or too small; only a new consent helps.
    ReauthRequired,
    /// Ended by its owner.
    Disconnected,
}

impl Status {
    pub const ALL: [Self; 4] = [Self::Active, Self::Paused, Self::ReauthRequired, Self::Disconnected];

    /// The word in the database, in events and in answers.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::ReauthRequired => "reauth_required",
            Self::Disconnected => "disconnected",
        }
    }

    /// Reads the database's word. A CHECK holds the column to the four words; anything else counts as ended.
    pub fn of(word: &str) -> Self {
        Self::ALL.into_iter().find(|status| status.as_str() == word).unwrap_or(Self::Disconnected)
    }

    /// Whether the connector holds a grant that works as far as we know: the account's watch and grant are kept for
    /// live connectors only.
    pub fn is_live(self) -> bool {
        matches!(self, Self::Active | Self::Paused)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why an owner's change of status is refused: the code of the 409.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    ReauthRequired,
    Disconnected,
}

/// What becomes of an owner's wish to pause or resume.
pub fn change(now: Status, wish: Status) -> Result<Status, Refused> {
    match now {
        Status::Active | Status::Paused => Ok(wish),
        Status::ReauthRequired => Err(Refused::ReauthRequired),
        Status::Disconnected => Err(Refused::Disconnected),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back() {
        for status in Status::ALL {
            assert_eq!(Status::of(status.as_str()), status);
        }
        assert_eq!(Status::of("odd"), Status::Disconnected);
    }

    #[test]
    fn only_a_consent_leaves_reauth_and_the_end() {
        assert_eq!(change(Status::Active, Status::Paused), Ok(Status::Paused));
        assert_eq!(change(Status::Paused, Status::Active), Ok(Status::Active));
        assert_eq!(change(Status::ReauthRequired, Status::Active), Err(Refused::ReauthRequired));
        assert_eq!(change(Status::Disconnected, Status::Active), Err(Refused::Disconnected));
    }
}
