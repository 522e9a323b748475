//! `GMAIL_QUOTA`: a named table, or numbers over one.

use std::str::FromStr;

use super::{Costs, Limits, Method};

/// Costs and limits together, as read from `GMAIL_QUOTA`:
/// `2026`, `legacy`, or a comma-separated list such as `legacy,user=9000,project=600000,day=80000000,messages.get=10`
/// (names not mentioned keep the table's numbers, `2026` unless the list starts with a table).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QuotaSetting {
    pub costs: Costs,
    pub limits: Limits,
}

/// Why a text is not a quota setting, with the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    #[error(
        "`{0}` is not known: write 2026, legacy, or name=number with user, project, day or a method such as messages.get"
    )]
    Unknown(String),
    #[error("`{0}` needs a whole number of units, at least 1")]
    Number(String),
    #[error("user must be at least {user} and project at least {project} units a minute: the dearest call must fit")]
    TooSmall { user: u32, project: u32 },
}

impl QuotaSetting {
    pub const fn gmail_2026() -> Self {
        Self { costs: Costs::gmail_2026(), limits: Limits::gmail_2026() }
    }

    pub const fn legacy() -> Self {
        Self { costs: Costs::legacy(), limits: Limits::legacy() }
    }
}

impl Default for QuotaSetting {
    fn default() -> Self {
        Self::gmail_2026()
    }
}

impl FromStr for QuotaSetting {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut setting = Self::default();
        for (at, piece) in text.split(',').map(str::trim).enumerate() {
            match (at, piece) {
                (0, "2026") => setting = Self::gmail_2026(),
                (0, "legacy") => setting = Self::legacy(),
                _ => setting.set(piece)?,
            }
        }
        let dearest = setting.costs.dearest();
        let (user, project) = (dearest.saturating_mul(2), dearest.saturating_mul(10));
        if setting.limits.user_per_minute < user || setting.limits.project_per_minute < project {
            return Err(SettingError::TooSmall { user, project });
        }
        Ok(setting)
    }
}

impl QuotaSetting {
    fn set(&mut self, piece: &str) -> Result<(), SettingError> {
        let unknown = || SettingError::Unknown(piece.to_owned());
        let (name, number) = piece.split_once('=').ok_or_else(unknown)?;
        let (name, number) = (name.trim(), number.trim());
        let wrong = || SettingError::Number(piece.to_owned());
        let units = || number.parse::<u32>().ok().filter(|units| *units > 0).ok_or_else(wrong);
        match name {
            "user" => self.limits.user_per_minute = units()?,
            "project" => self.limits.project_per_minute = units()?,
            "day" => {
                self.limits.project_per_day = number.parse().ok().filter(|units| *units > 0).ok_or_else(wrong)?;
            }
            _ => self.costs = self.costs.with(Method::parse(name).ok_or_else(unknown)?, units()?),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_tables_and_numbers_over_them() {
        assert_eq!("2026".parse(), Ok(QuotaSetting::gmail_2026()));
        assert_eq!("legacy".parse(), Ok(QuotaSetting::legacy()));
        let mixed: QuotaSetting = "legacy, user=9000, day=5, messages.get=10".parse().unwrap();
        assert_eq!((mixed.limits.user_per_minute, mixed.limits.project_per_day), (9_000, 5));
        assert_eq!((mixed.costs.messages_get, mixed.costs.threads_get), (10, 10));
        assert_eq!("user=600000".parse::<QuotaSetting>().unwrap().limits.user_per_minute, 600_000);
    }

    #[test]
    fn refuses_what_it_does_not_know_and_says_what_to_write() {
        for bad in ["", "2027", "6000", "user", "user=", "user=-1", "user=0", "messages.fly=3", "user=6000,legacy"] {
            assert!(bad.parse::<QuotaSetting>().is_err(), "{bad:?}");
        }
        assert_eq!("user=50".parse::<QuotaSetting>(), Err(SettingError::TooSmall { user: 200, project: 1_000 }));
        assert!("2027".parse::<QuotaSetting>().unwrap_err().to_string().contains("legacy"));
    }
}
