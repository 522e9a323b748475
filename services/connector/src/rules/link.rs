//! Connect links: how long they live, what became of one, and whose grant ends it.

use chrono::TimeDelta;
use postrider_domain::{AccountStatus, Timestamp, words};

use super::identity::{self, Identity};
use crate::store::connect_links::Link;

/// How long one lives unless chosen otherwise.
pub const LIFETIME: TimeDelta = TimeDelta::days(1);
/// What may be chosen, in seconds: a minute to a week.
pub const SECONDS: std::ops::RangeInclusive<u32> = 60..=7 * 24 * 3_600;
/// How many a user may have that can still be used.
pub const MOST: i64 = 20;

words! {
    /// What became of a link.
    pub enum LinkState {
        Live = "live",
        /// An account was connected by it.
        Used = "used",
        Revoked = "revoked",
        Expired = "expired",
    }
}

/// What became of it by now.
pub fn state(link: &Link, now: Timestamp) -> LinkState {
    match (link.used_at, link.revoked_at) {
        (Some(_), _) => LinkState::Used,
        (None, Some(_)) => LinkState::Revoked,
        (None, None) if link.expires_at <= now => LinkState::Expired,
        (None, None) => LinkState::Live,
    }
}

/// Whether it may be opened: its connector is still one that can be connected again.
pub fn opens(link: &Link, now: Timestamp) -> bool {
    state(link, now) == LinkState::Live && !link.address_key.is_empty()
}

/// Whether a consent that was begun by it may end. One that was begun in time may end a little later.
pub fn ends(link: &Link) -> bool {
    link.used_at.is_none() && link.revoked_at.is_none() && !link.address_key.is_empty()
}

/// Whether a grant is of the account the link is for: by Google's `sub` where both are known by it, else by the address
/// Google gave for it.
pub fn fits(link: &Link, who: &Identity) -> bool {
    let same_address = who.address.lookup_key() == link.address_key;
    match &link.google_sub {
        Some(_) if who.by_address => same_address,
        Some(sub) => {
            *sub == who.sub || (same_address && identity::by_address(&who.address).is_ok_and(|own| own == *sub))
        }
        None => same_address,
    }
}

/// Whether a connector waits for a new consent.
pub fn is_wanted(status: AccountStatus) -> bool {
    status == AccountStatus::ReauthRequired
}

#[cfg(test)]
mod tests {
    use postrider_domain::{ConnectorId, EmailAddress, GoogleSub, TenantId, UserId};
    use uuid::Uuid;

    use super::*;

    fn link(sub: Option<&str>) -> Link {
        Link {
            id: Uuid::nil(),
            tenant: TenantId::parse("acme").unwrap(),
            user_id: UserId::parse("ann").unwrap(),
            asked_by: None,
            connector_id: sub.map(|_| ConnectorId(Uuid::nil())),
            email_address: "Ann@example.com".to_owned(),
            address_key: "ann@example.com".to_owned(),
            google_sub: sub.map(|sub| GoogleSub::parse(sub).unwrap()),
            status: None,
            return_to: None,
            expires_at: Timestamp::default() + TimeDelta::hours(1),
            used_at: None,
            revoked_at: None,
            created_at: Timestamp::default(),
        }
    }

    fn who(sub: Option<&str>, address: &str) -> Identity {
        Identity::new(sub, EmailAddress::parse(address).unwrap()).unwrap()
    }

    #[test]
    fn a_sub_outweighs_an_address_and_an_address_is_compared_where_there_is_none() {
        let (ann, other) = ("ANN@example.com", "other@example.com");
        for (link_sub, sub, address, fit) in [
            (Some("1"), Some("1"), ann, true),
            // Google's address of an account may change.
            (Some("1"), Some("1"), other, true),
            (Some("1"), Some("2"), ann, false),
            (Some("1"), None, ann, true),
            (Some("1"), None, other, false),
            (Some("email:ann@example.com"), Some("1"), ann, true),
            (Some("email:ann@example.com"), Some("1"), other, false),
            (Some("email:ann@example.com"), None, ann, true),
            (None, Some("1"), ann, true),
            (None, Some("1"), other, false),
            (None, None, other, false),
        ] {
            assert_eq!(fits(&link(link_sub), &who(sub, address)), fit, "{link_sub:?} {sub:?} {address}");
        }
    }

    #[test]
    fn what_ended_or_was_erased_opens_nothing() {
        let now = Timestamp::default();
        let live = link(None);
        assert!(opens(&live, now) && ends(&live));
        let late = now + TimeDelta::hours(1);
        assert!(!opens(&live, late) && ends(&live));
        assert_eq!(state(&live, late), LinkState::Expired);
        let used = Link { used_at: Some(now), ..live.clone() };
        let revoked = Link { revoked_at: Some(now), ..live.clone() };
        let erased = Link { address_key: String::new(), ..live };
        assert_eq!((state(&used, late), state(&revoked, late)), (LinkState::Used, LinkState::Revoked));
        for link in [used, revoked, erased] {
            assert!(!opens(&link, now) && !ends(&link), "{link:?}");
        }
    }
}
