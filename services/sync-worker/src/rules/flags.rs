//! What a mail's labels say about it, as columns.

use std::collections::HashMap;

use postrider_domain::LabelId;
use postrider_domain::labels::{self, DRAFT, SPAM, TRASH, UNREAD};

/// Flags and folder that follow from labels alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flags {
    pub folder: String,
    pub unread: bool,
    pub draft: bool,
    pub spam: bool,
    pub trash: bool,
}

/// Whether a label is among them.
pub fn has(labels: &[LabelId], wanted: &str) -> bool {
    labels.iter().any(|label| label.as_str() == wanted)
}

/// Whether it is a user's label that has no name yet.
pub fn is_unnamed(label: &LabelId, names: &HashMap<String, String>) -> bool {
    !labels::is_system(label.as_str()) && !names.contains_key(label.as_str())
}

/// Derives the flags; `names` maps label ids to the names users gave them.
pub fn of(label_ids: &[LabelId], names: &HashMap<String, String>) -> Flags {
    Flags {
        folder: labels::folder(label_ids, |id| names.get(id).cloned()),
        unread: has(label_ids, UNREAD),
        draft: has(label_ids, DRAFT),
        spam: has(label_ids, SPAM),
        trash: has(label_ids, TRASH),
    }
}
