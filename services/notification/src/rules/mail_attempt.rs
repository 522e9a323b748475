//! What comes of an attempt to send a mail: when it is tried again, and when no more.

use chrono::TimeDelta;
use postrider_domain::Timestamp;

use super::webhook::planned;

postrider_domain::words! {
    /// Why nothing was sent.
    pub enum Trouble {
        Timeout = "timeout",
        /// Nobody listens there.
        Connect = "connection_failed",
        /// The line is not as safe as it has to be.
        Tls = "tls",
        /// Our user and password are not taken.
        Login = "login_refused",
        /// The connection broke before the content was sent.
        Broken = "connection_broken",
        /// The server says to come later.
        Status = "status",
    }
}

/// What an attempt met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The server answers for it now.
    Accepted,
    /// The server will never take this mail.
    Refused { code: u16 },
    /// It was certainly not taken.
    Later { why: Trouble, code: Option<u16> },
    /// The content was sent, and no answer came: it may have been taken.
    Doubtful,
}

impl Attempt {
    /// The server's code, if that ended it.
    pub fn code(self) -> Option<i32> {
        match self {
            Self::Refused { code } | Self::Later { code: Some(code), .. } => Some(i32::from(code)),
            Self::Accepted | Self::Later { .. } | Self::Doubtful => None,
        }
    }

    /// A stable word for what went wrong.
    pub fn error(self) -> Option<&'static str> {
        match self {
            Self::Accepted => None,
            Self::Refused { .. } => Some("refused"),
            Self::Later { why, .. } => Some(why.as_str()),
            Self::Doubtful => Some("doubtful"),
        }
    }
}

/// What comes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    Delivered,
    Again(Timestamp),
    GiveUp,
}

/// Decides about the attempt after `attempts` earlier ones. A mail that may have arrived is sent once more, under the same
/// Message-ID, and then never again: `doubtful` says that an earlier attempt was.
pub fn next(attempt: Attempt, attempts: i32, doubtful: bool, now: Timestamp, unit: f64) -> Next {
    let again = || match planned(attempts, unit) {
        Some(wait) => Next::Again(now + TimeDelta::from_std(wait).unwrap_or(TimeDelta::days(1))),
        None => Next::GiveUp,
    };
    match attempt {
        Attempt::Accepted => Next::Delivered,
        Attempt::Refused { .. } => Next::GiveUp,
        Attempt::Doubtful if doubtful => Next::GiveUp,
        Attempt::Doubtful | Attempt::Later { .. } => again(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATER: Attempt = Attempt::Later { why: Trouble::Status, code: Some(451) };

    #[test]
    fn it_is_tried_again_for_days_unless_the_server_never_takes_it() {
        let now = Timestamp::default();
        let wait = |attempts| match next(LATER, attempts, false, now, 0.5) {
            Next::Again(due) => (due - now).num_seconds(),
            other => panic!("{other:?}"),
        };
        assert_eq!((wait(0), wait(1), wait(9)), (5, 30, 86_400));
        assert_eq!(next(LATER, 10, false, now, 0.5), Next::GiveUp);
        assert_eq!(next(Attempt::Refused { code: 550 }, 0, false, now, 0.5), Next::GiveUp);
        assert_eq!(next(Attempt::Accepted, 3, true, now, 0.5), Next::Delivered);
    }

    #[test]
    fn what_may_have_arrived_is_sent_once_more_and_no_more() {
        let now = Timestamp::default();
        assert!(matches!(next(Attempt::Doubtful, 0, false, now, 0.5), Next::Again(_)));
        assert_eq!(next(Attempt::Doubtful, 1, true, now, 0.5), Next::GiveUp);
        // Certainly not taken: it stays as doubtful as it was.
        assert!(matches!(next(LATER, 1, true, now, 0.5), Next::Again(_)));
    }
}
