//! Silenced senders and folders: the row is written as already read and nothing is delivered.

use super::preferences::Preferences;

/// Why a mail is silenced, or `None`. `labels` are the mail's, each with id and name.
pub fn silenced<'a>(
    preferences: &Preferences,
    sender: &str,
    mut labels: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<&'static str> {
    if preferences.silenced_senders.iter().any(|pattern| pattern.matches(sender)) {
        return Some("sender_silenced");
    }
    let folders = &preferences.silenced_folders;
    labels.any(|(id, name)| folders.iter().any(|folder| folder.matches(id, name))).then_some("folder_silenced")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::preferences::{Folder, Sender};

    #[test]
    fn the_sender_or_a_label_silences() {
        let preferences = Preferences {
            silenced_senders: vec![Sender::parse("*@example.com").unwrap()],
            silenced_folders: vec![Folder::parse("promotions").unwrap()],
            ..Preferences::default()
        };
        let why = |sender: &str, label: &str| silenced(&preferences, sender, [(label, label)].into_iter());
        assert_eq!(why("a@example.com", "INBOX"), Some("sender_silenced"));
        assert_eq!(why("a@b.c", "CATEGORY_PROMOTIONS"), Some("folder_silenced"));
        assert_eq!(why("a@b.c", "INBOX"), None);
    }
}
