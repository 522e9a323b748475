//! Which states an owner may put a connector into, and which a consent.

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

/// What a consent makes of a connector: it acts, unless its owner paused it. `was_paused` is what it was before its grant
/// was lost. One that had been ended begins anew.
pub fn after_consent(now: AccountStatus, was_paused: bool) -> AccountStatus {
    match now {
        AccountStatus::Paused => AccountStatus::Paused,
        AccountStatus::ReauthRequired if was_paused => AccountStatus::Paused,
        AccountStatus::Active | AccountStatus::ReauthRequired | AccountStatus::Disconnected => AccountStatus::Active,
    }
}

#[cfg(test)]
mod tests {
    use postrider_domain::AccountStatus::{Active, Disconnected, Paused, ReauthRequired};

    use super::*;

    #[test]
    fn a_consent_resumes_nothing_that_was_paused() {
        assert_eq!(after_consent(Paused, false), Paused);
        assert_eq!(after_consent(ReauthRequired, true), Paused);
        for (now, was_paused) in [(Active, false), (ReauthRequired, false), (Disconnected, false), (Disconnected, true)]
        {
            assert_eq!(after_consent(now, was_paused), Active, "{now} {was_paused}");
        }
    }

    #[test]
    fn only_a_consent_leaves_reauth_and_the_end() {
        assert_eq!(change(Active, Paused), Ok(Paused));
        assert_eq!(change(Paused, Active), Ok(Active));
        assert_eq!(change(ReauthRequired, Active), Err(Refused::ReauthRequired));
        assert_eq!(change(Disconnected, Active), Err(Refused::Disconnected));
    }
}
