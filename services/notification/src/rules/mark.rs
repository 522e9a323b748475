//! What is done to a notification that is there.

postrider_domain::words! {
    /// A change of its state; the word is the `kind` of its log row.
    pub enum Mark {
        Read = "read",
        Unread = "unread",
        Archived = "archived",
    }
}

impl Mark {
    /// Name of its socket event.
    pub fn event(self) -> &'static str {
        match self {
            Self::Read => "notification:marked_read",
            Self::Unread => "notification:marked_unread",
            Self::Archived => "notification:archived",
        }
    }
}
