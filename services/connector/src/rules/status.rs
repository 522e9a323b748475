//! Which states an owner may put a connector into.

use postrider_domain::AccountStatus;

/// Why an owner's change of status is refused: the code of the 409.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    ReauthRequired,
    Disconnected,
}

/// What becomes of an owner's choice to pause or resume.
pub fn change(now: AccountStatus, chosen: AccountStatus) -> Result<AccountStatus, Refused> {
    match now {
        AccountStatus::Active | AccountStatus::Paused => Ok(chosen),
        AccountStatus::ReauthRequired => Err(Refused::ReauthRequired),
        AccountStatus::Disconnected => Err(Refused::Disconnected),
    }
}

#[cfg(test)]
mod tests {
    use postrider_domain::AccountStatus::{Active, Disconnected, Paused, ReauthRequired};

    use super::*;

    #[test]
    fn only_a_consent_leaves_reauth_and_the_end() {
        assert_eq!(change(Active, Paused), Ok(Paused));
        assert_eq!(change(Paused, Active), Ok(Active));
        assert_eq!(change(ReauthRequired, Active), Err(Refused::ReauthRequired));
        assert_eq!(change(Disconnected, Active), Err(Refused::Disconnected));
    }
}
