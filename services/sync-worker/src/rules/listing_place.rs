//! Where a run's listing stands, as its checkpoint keeps it: in the listing of all ids, after it in that of what is not too
//! old, or in that of a label.

use postrider_domain::LabelId;

/// Begins the checkpoint inside a label's listing. Gmail's page tokens are digits.
const LABEL: &str = "label\n";

/// Begins the checkpoint inside the listing of what is not too old.
const WINDOW: &str = "window\n";

/// A place in a run's listings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the listing of all ids, behind this page.
    Ids(Option<String>),
    /// In the listing of what is not too old, behind this page.
    Window(Option<String>),
    /// In a label's listing, behind this page.
    Label(LabelId, Option<String>),
}

impl Place {
    /// The place that a checkpoint names.
    pub fn of(checkpoint: Option<&str>) -> Self {
        let token = |text: &str| Some(text.to_owned()).filter(|token| !token.is_empty());
        if let Some(behind) = checkpoint.and_then(|text| text.strip_prefix(WINDOW)) {
            return Self::Window(token(behind));
        }
        let label = checkpoint.and_then(|text| text.strip_prefix(LABEL)).and_then(|rest| rest.split_once('\n'));
        match label.and_then(|(label, behind)| Some((LabelId::parse(label).ok()?, behind))) {
            Some((label, behind)) => Self::Label(label, token(behind)),
            None => Self::Ids(checkpoint.map(str::to_owned)),
        }
    }

    /// As it is kept.
    pub fn checkpoint(self) -> Option<String> {
        match self {
            Self::Ids(token) => token,
            Self::Window(token) => Some(format!("{WINDOW}{}", token.unwrap_or_default())),
            Self::Label(label, token) => Some(format!("{LABEL}{label}\n{}", token.unwrap_or_default())),
        }
    }
}

/// The label to be listed after `after`: labels come and go meanwhile, so their order is that of their ids.
pub fn next_label(labels: impl IntoIterator<Item = LabelId>, after: Option<&LabelId>) -> Option<LabelId> {
    labels.into_iter().filter(|label| after.is_none_or(|after| label.as_str() > after.as_str())).min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(text: &str) -> LabelId {
        LabelId::parse(text).unwrap()
    }

    #[test]
    fn a_place_reads_back_as_itself() {
        let places = [
            Place::Ids(None),
            Place::Ids(Some("0123".to_owned())),
            Place::Window(None),
            Place::Window(Some("9".to_owned())),
            Place::Label(label("INBOX"), None),
            Place::Label(label("Label_7"), Some("77".to_owned())),
        ];
        for place in places {
            assert_eq!(Place::of(place.clone().checkpoint().as_deref()), place);
        }
    }

    #[test]
    fn labels_follow_each_other_by_their_ids() {
        let labels = || ["UNREAD", "INBOX", "Label_2"].map(label);
        assert_eq!(next_label(labels(), None), Some(label("INBOX")));
        assert_eq!(next_label(labels(), Some(&label("INBOX"))), Some(label("Label_2")));
        assert_eq!(next_label(labels(), Some(&label("Label_9"))), Some(label("UNREAD")));
        assert_eq!(next_label(labels(), Some(&label("UNREAD"))), None);
    }
}
