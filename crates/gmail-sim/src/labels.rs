//! Labels of a mailbox and sets of them. A set holds table positions, two bytes each, so that a mail stays small.

/// Position of a label in its mailbox's [`LabelTable`].
pub type LabelIx = u16;

/// Gmail's own labels in the order they take in every mailbox's table.
pub const SYSTEM: [&str; 14] = [
    "INBOX",
    "SENT",
    "DRAFT",
    "SPAM",
    "TRASH",
    "UNREAD",
    "STARRED",
    "IMPORTANT",
    "CHAT",
    "CATEGORY_PERSONAL",
    "CATEGORY_SOCIAL",
    "CATEGORY_PROMOTIONS",
    "CATEGORY_UPDATES",
    "CATEGORY_FORUMS",
];

pub(crate) const INBOX: LabelIx = 0;
pub(crate) const SENT: LabelIx = 1;
pub(crate) const DRAFT: LabelIx = 2;
pub(crate) const SPAM: LabelIx = 3;
pub(crate) const TRASH: LabelIx = 4;
pub(crate) const UNREAD: LabelIx = 5;
pub(crate) const CHAT: LabelIx = 8;

/// One label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// `INBOX`, `Label_3`.
    pub id: String,
    /// Shown name; a system label's is its id. Nested labels are `Parent/Child`.
    pub name: String,
    /// `true` for Gmail's own.
    pub system: bool,
    /// Deleted by the user: no longer listed, and its id is never used again.
    pub deleted: bool,
}

/// Every label a mailbox ever had.
#[derive(Debug, Clone)]
pub struct LabelTable(Vec<Label>);

impl LabelTable {
    /// Gmail's own labels and the given user labels (`Label_1`, `Label_2`, …).
    pub fn new<'a>(user: impl IntoIterator<Item = &'a str>) -> Self {
        let system = |id: &&str| Label { id: (*id).to_owned(), name: (*id).to_owned(), system: true, deleted: false };
        let mut table = Self(SYSTEM.iter().map(system).collect());
        for name in user {
            table.add(name);
        }
        table
    }

    /// Adds a user label and gives its id.
    pub fn add(&mut self, name: &str) -> String {
        let id = format!("Label_{}", self.0.len() + 1 - SYSTEM.len());
        self.0.push(Label { id: id.clone(), name: name.to_owned(), system: false, deleted: false });
        id
    }

    /// The living label with this id.
    pub fn find(&self, id: &str) -> Option<LabelIx> {
        let at = self.0.iter().position(|label| label.id == id && !label.deleted)?;
        LabelIx::try_from(at).ok()
    }

    /// The id at a position.
    pub fn id(&self, ix: LabelIx) -> &str {
        self.0.get(usize::from(ix)).map_or("", |label| label.id.as_str())
    }

    /// Living labels with their positions, Gmail's own first.
    pub fn iter(&self) -> impl Iterator<Item = (LabelIx, &Label)> {
        (0..).zip(&self.0).filter(|(_, label)| !label.deleted)
    }

    /// A label to rename or mark as deleted; Gmail's own cannot be changed.
    pub(crate) fn user_mut(&mut self, id: &str) -> Option<&mut Label> {
        self.0.iter_mut().find(|label| label.id == id && !label.system && !label.deleted)
    }

    /// Ids of a set, in table order.
    pub fn ids(&self, set: &LabelSet) -> Vec<String> {
        set.iter().map(|ix| self.id(ix).to_owned()).collect()
    }
}

/// A sorted set of label positions.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LabelSet(Vec<LabelIx>);

impl LabelSet {
    /// Whether the label is in the set.
    pub fn has(&self, label: LabelIx) -> bool {
        self.0.binary_search(&label).is_ok()
    }

    /// Adds a label; `false` if it was there.
    pub fn insert(&mut self, label: LabelIx) -> bool {
        match self.0.binary_search(&label) {
            Ok(_) => false,
            Err(at) => {
                self.0.insert(at, label);
                true
            }
        }
    }

    /// Takes a label out; `false` if it was not there.
    pub fn remove(&mut self, label: LabelIx) -> bool {
        match self.0.binary_search(&label) {
            Ok(at) => {
                self.0.remove(at);
                true
            }
            Err(_) => false,
        }
    }

    /// The labels in table order.
    pub fn iter(&self) -> impl Iterator<Item = LabelIx> + '_ {
        self.0.iter().copied()
    }

    /// Whether nothing is in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<LabelIx> for LabelSet {
    fn from_iter<I: IntoIterator<Item = LabelIx>>(labels: I) -> Self {
        let mut set: Vec<LabelIx> = labels.into_iter().collect();
        set.sort_unstable();
        set.dedup();
        set.shrink_to_fit();
        Self(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_of_system_labels_match_the_constants() {
        for (ix, id) in [(INBOX, "INBOX"), (SENT, "SENT"), (DRAFT, "DRAFT"), (SPAM, "SPAM"), (TRASH, "TRASH")] {
            assert_eq!(LabelTable::new([]).find(id), Some(ix));
        }
        assert_eq!(LabelTable::new([]).find("UNREAD"), Some(UNREAD));
        assert_eq!(LabelTable::new([]).find("CHAT"), Some(CHAT));
    }

    #[test]
    fn a_deleted_labels_id_is_not_used_again() {
        let mut table = LabelTable::new(["Bills"]);
        table.user_mut("Label_1").unwrap().deleted = true;
        assert_eq!(table.find("Label_1"), None);
        assert_eq!(table.add("Travel"), "Label_2");
    }
}
