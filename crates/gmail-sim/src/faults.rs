//! Named sets of oddities, for whole worlds: `GMAIL_SIM_FAULTS`.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::mailbox::{Lag, LagScope, Quirks};

/// How odd a simulated Google is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Faults {
    /// Every answer is true and whole.
    #[default]
    Off,
    /// Changes are seen 1.5 s late, with the true history id in every answer.
    Lag,
    /// Everything at moderate rates: each oddity shows within a few hundred calls or changes.
    Full,
}

impl Faults {
    /// `off`, `lag` or `full`.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "lag" => Some(Self::Lag),
            "full" => Some(Self::Full),
            _ => None,
        }
    }

    /// How far readers are behind.
    pub fn lag(self) -> Lag {
        let span = TimeDelta::milliseconds(1_500);
        match self {
            Self::Off => Lag::default(),
            Self::Lag => Lag { span, scope: LagScope::NewMail },
            Self::Full => Lag { span, scope: LagScope::Everything },
        }
    }

    /// The oddities of each mailbox.
    pub fn quirks(self) -> Quirks {
        let off = Quirks::default();
        match self {
            Self::Off => off,
            Self::Lag => Quirks { true_head: true, ..off },
            Self::Full => Quirks {
                empty_page: 0.05,
                repeated_record: 0.1,
                true_head: true,
                late_record: 0.2,
                stale: 0.05,
                moving_pages: 0.3,
                wrong_estimate: 0.5,
                bare_added: 0.1,
                no_date: 0.05,
                no_raw: 0.5,
                ids_back: 0.002,
                chunked: 0.3,
                cut: 0.005,
                reset: 0.005,
                html: 0.01,
                ..off
            },
        }
    }
}
