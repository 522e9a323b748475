//! Who an account is: Google's `sub`. An address is an attribute; it stands in only while nothing better is known.

use postrider_domain::{ConnectorId, EmailAddress, GoogleSub, ParseIdError};

/// A Google account as a grant names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Google's `sub`, or `email:<address key>`.
    pub sub: GoogleSub,
    /// True while the account is known by its address only.
    pub by_address: bool,
    /// The address as Google spells it today.
    pub address: EmailAddress,
}

impl Identity {
    /// An identity out of an id_token and an address. A `sub` that looks like one of ours is not believed.
    pub fn new(sub: Option<&str>, address: EmailAddress) -> Result<Self, ParseIdError> {
        match sub {
            Some(sub) if !sub.starts_with("email:") && !sub.starts_with("erased:") => {
                Ok(Self { sub: GoogleSub::parse(sub)?, by_address: false, address })
            }
            _ => Ok(Self { sub: by_address(&address)?, by_address: true, address }),
        }
    }

    /// The identity of an account that is known already.
    pub fn known(sub: &GoogleSub, address: EmailAddress) -> Self {
        Self { sub: sub.clone(), by_address: sub.as_str().starts_with("email:"), address }
    }
}

/// The stand-in for an unknown `sub`.
pub fn by_address(address: &EmailAddress) -> Result<GoogleSub, ParseIdError> {
    GoogleSub::parse(format!("email:{}", address.lookup_key()))
}

/// What stands for the `sub` of an erased connector. No account has it, so none is ever taken for this one.
pub fn erased(connector: ConnectorId) -> Result<GoogleSub, ParseIdError> {
    GoogleSub::parse(format!("erased:{connector}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sub_wins_and_the_address_stands_in() {
        let address = EmailAddress::parse("Ann@Example.com").unwrap();
        let known = Identity::new(Some("1099"), address.clone()).unwrap();
        assert_eq!((known.sub.as_str(), known.by_address), ("1099", false));
        let bare = Identity::new(None, address).unwrap();
        assert_eq!((bare.sub.as_str(), bare.by_address), ("email:ann@example.com", true));
    }

    #[test]
    fn a_sub_cannot_pose_as_an_address() {
        let address = EmailAddress::parse("ann@example.com").unwrap();
        for posing in ["email:bob@example.com", "erased:018f0000-0000-7000-8000-000000000000"] {
            let identity = Identity::new(Some(posing), address.clone()).unwrap();
            assert_eq!(identity.sub.as_str(), "email:ann@example.com");
        }
    }
}
