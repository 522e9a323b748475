//! The two rooms of a user. Their names are made from the verified token, never from what a client sends.

use postrider_domain::UserId;

postrider_domain::words! {
    /// A stream of socket events a client may subscribe to. In a hint, which a newer replica may have made, an unknown
    /// word counts as notifications, the room nothing may be lost from.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(from = "String", into = "&'static str")]
    pub enum Room {
        /// `user:<userId>:notifications`
        Notifications = "notifications",
        /// `user:<userId>:sync`
        Sync = "sync",
    }
}

/// Places of both rooms in a user's log; a room that is not subscribed stays at 0 and says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Places {
    pub notifications: i64,
    pub sync: i64,
}

impl Places {
    /// The further of both, room by room.
    #[must_use]
    pub fn further(self, other: Self) -> Self {
        Self { notifications: self.notifications.max(other.notifications), sync: self.sync.max(other.sync) }
    }
}

impl From<String> for Room {
    fn from(word: String) -> Self {
        word.parse().unwrap_or(Self::Notifications)
    }
}

impl From<Room> for &'static str {
    fn from(room: Room) -> Self {
        room.as_str()
    }
}

impl Room {
    /// The full name for a user.
    pub fn name(self, user: &UserId) -> String {
        format!("user:{user}:{self}")
    }

    /// The room of that name, if it is one of this user's. Any other name, another user's room included, is `None`.
    pub fn of_user(name: &str, user: &UserId) -> Option<Self> {
        Self::ALL.iter().copied().find(|room| room.name(user) == name)
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
