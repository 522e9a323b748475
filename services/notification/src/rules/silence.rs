//! Silenced senders and folders: the row is written as already read and nothing is delivered.

use super::preferences::Preferences;

/// Why a mail is silenced, or `None`. Senders compare case-blind, `*@domain` matches a whole domain; folders match a
/// label's id, its name, or the name under Gmail's IMAP prefix `[Gmail]/`.
pub fn silenced<'a>(
    preferences: &Preferences,
    sender: &str,
    labels: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<&'static str> {
    if preferences.silenced_senders.iter().any(|pattern| sender_matches(pattern, sender)) {
        return Some("sender_silenced");
    }
    let folders = &preferences.silenced_folders;
    let mut labels = labels;
    labels.any(|(id, name)| folders.iter().any(|folder| folder_matches(folder, id, name))).then_some("folder_silenced")
}

fn sender_matches(pattern: &str, sender: &str) -> bool {
    let (pattern, sender) = (pattern.to_lowercase(), sender.to_lowercase());
    match pattern.strip_prefix('*') {
        Some(domain) => domain.starts_with('@') && sender.ends_with(domain),
        None => pattern == sender,
    }
}

fn folder_matches(folder: &str, id: &str, name: &str) -> bool {
    let folder = folder.to_lowercase();
    let bare = folder.strip_prefix("[gmail]/").unwrap_or(&folder);
    let same = |label: &str| {
        let label = label.to_lowercase();
        label == bare || label.strip_prefix("category_") == Some(bare)
    };
    same(id) || same(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefs(senders: &[&str], folders: &[&str]) -> Preferences {
        let own = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        Preferences { silenced_senders: own(senders), silenced_folders: own(folders), ..Preferences::default() }
    }

    #[test]
    fn senders_match_case_blind_and_by_domain() {
        let none = std::iter::empty::<(&str, &str)>;
        assert!(silenced(&prefs(&["Spam@Example.com"], &[]), "spam@example.COM", none()).is_some());
        assert!(silenced(&prefs(&["*@example.com"], &[]), "a@example.com", none()).is_some());
        assert!(silenced(&prefs(&["*@example.com"], &[]), "a@notexample.com", none()).is_none());
        assert!(silenced(&prefs(&["*"], &[]), "a@example.com", none()).is_none());
    }

    #[test]
    fn folders_match_id_name_and_imap_name() {
        for folder in ["CATEGORY_PROMOTIONS", "[Gmail]/Promotions", "promotions", "Label_7", "bills"] {
            let labels = [("CATEGORY_PROMOTIONS", "CATEGORY_PROMOTIONS"), ("Label_7", "Bills")];
            assert_eq!(
                silenced(&prefs(&[], &[folder]), "a@b.c", labels.into_iter()),
                Some("folder_silenced"),
                "{folder}"
            );
        }
        assert!(silenced(&prefs(&[], &["Work"]), "a@b.c", [("INBOX", "INBOX")].into_iter()).is_none());
    }
}
