//! The two rooms of a user. Their names are made from the verified token, never from what a client sends.

use postrider_domain::UserId;

/// A stream of socket events a client may subscribe to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Room {
    /// `user:<userId>:notifications`
    Notifications,
    /// `user:<userId>:sync`
    Sync,
}

impl Room {
    /// Both, in the order of their indexes.
    pub const ALL: [Self; 2] = [Self::Notifications, Self::Sync];

    /// The column `room`, and the last part of the room's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Notifications => "notifications",
            Self::Sync => "sync",
        }
    }

    /// The full name for a user.
    pub fn name(self, user: &UserId) -> String {
        format!("user:{user}:{}", self.as_str())
    }

    /// The room of that name, if it is one of this user's. Any other name, another user's room included, is `None`.
    pub fn of_user(name: &str, user: &UserId) -> Option<Self> {
        Self::ALL.into_iter().find(|room| room.name(user) == name)
    }

    /// The room of a log row; an unknown text counts as notifications, the room nothing may be lost from.
    pub fn of_column(text: &str) -> Self {
        if text == Self::Sync.as_str() { Self::Sync } else { Self::Notifications }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_users_own_rooms_have_names() {
        let user = UserId::parse("u1").unwrap();
        assert_eq!(Room::of_user("user:u1:notifications", &user), Some(Room::Notifications));
        assert_eq!(Room::of_user("user:u1:sync", &user), Some(Room::Sync));
        for bad in ["", "u1", "user:u2:notifications", "user:u1:", "user:u1:sync ", "USER:u1:sync", "user:*:sync"] {
            assert_eq!(Room::of_user(bad, &user), None, "{bad}");
        }
        // A user id with a colon must not open the room of a shorter one.
        let odd = UserId::parse("u1:notifications").unwrap();
        assert_eq!(Room::of_user("user:u1:notifications", &odd), None);
        assert_eq!(Room::of_user("user:u1:notifications:sync", &odd), Some(Room::Sync));
    }
}
