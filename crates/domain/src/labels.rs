//! Gmail's system labels and the folder a mail is shown in.

use crate::ids::LabelId;

pub const INBOX: &str = "INBOX";
pub const SENT: &str = "SENT";
pub const DRAFT: &str = "DRAFT";
pub const SPAM: &str = "SPAM";
pub const TRASH: &str = "TRASH";
pub const UNREAD: &str = "UNREAD";
pub const STARRED: &str = "STARRED";
pub const IMPORTANT: &str = "IMPORTANT";
pub const CHAT: &str = "CHAT";

/// Whether a label id is one of Gmail's own, which never name a folder of the user's.
pub fn is_system(label: &str) -> bool {
    matches!(label, INBOX | SENT | DRAFT | SPAM | TRASH | UNREAD | STARRED | IMPORTANT | CHAT)
        || label.starts_with("CATEGORY_")
        || label.starts_with('^')
}

/// `folder` of a mail: Trash and Spam win, then Drafts, Inbox, Sent, the first user label, else All Mail.
///
/// A user label is shown by its name where `name_of` knows it, by its id otherwise.
pub fn folder(labels: &[LabelId], name_of: impl Fn(&str) -> Option<String>) -> String {
    let has = |wanted: &str| labels.iter().any(|label| label.as_str() == wanted);
    for (label, folder) in [(TRASH, "Trash"), (SPAM, "Spam"), (DRAFT, "Drafts"), (INBOX, "Inbox"), (SENT, "Sent")] {
        if has(label) {
            return folder.to_owned();
        }
    }
    labels
        .iter()
        .map(LabelId::as_str)
        .find(|label| !is_system(label))
        .map_or_else(|| "All Mail".to_owned(), |label| name_of(label).unwrap_or_else(|| label.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(labels: &[&str]) -> Vec<LabelId> {
        labels.iter().map(|label| LabelId::parse(*label).unwrap()).collect()
    }

    #[test]
    fn folder_follows_gmails_precedence() {
        let none = |_: &str| None::<String>;
        assert_eq!(folder(&ids(&["INBOX", "TRASH"]), none), "Trash");
        assert_eq!(folder(&ids(&["INBOX", "SENT"]), none), "Inbox");
        assert_eq!(folder(&ids(&["UNREAD", "CATEGORY_PROMOTIONS"]), none), "All Mail");
        assert_eq!(folder(&ids(&["STARRED", "Label_1"]), |_| Some("Bills".to_owned())), "Bills");
        assert_eq!(folder(&ids(&["Label_1"]), none), "Label_1");
    }
}
