//! Gmail's methods with the scopes that allow them.

/// A method of the Gmail API that the simulator answers, or an OAuth endpoint that a fault rule may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    GetProfile,
    MessagesList,
    MessagesGet,
    AttachmentsGet,
    HistoryList,
    LabelsList,
    LabelsGet,
    Watch,
    Stop,
    Modify,
    Trash,
    Untrash,
    Delete,
    Insert,
    Import,
    /// `POST /token`; costs no units.
    Token,
    /// `POST /revoke`; costs no units.
    Revoke,
}

const FULL: &str = "https://mail.google.com/";
const MODIFY: &str = "https://www.googleapis.com/auth/gmail.modify";
const READONLY: &str = "https://www.googleapis.com/auth/gmail.readonly";
const METADATA: &str = "https://www.googleapis.com/auth/gmail.metadata";
const INSERT: &str = "https://www.googleapis.com/auth/gmail.insert";
const LABELS: &str = "https://www.googleapis.com/auth/gmail.labels";

impl Method {
    /// Google's name below `gmail.users.`.
    pub fn name(self) -> &'static str {
        match self {
            Self::GetProfile => "getProfile",
            Self::MessagesList => "messages.list",
            Self::MessagesGet => "messages.get",
            Self::AttachmentsGet => "messages.attachments.get",
            Self::HistoryList => "history.list",
            Self::LabelsList => "labels.list",
            Self::LabelsGet => "labels.get",
            Self::Watch => "watch",
            Self::Stop => "stop",
            Self::Modify => "messages.modify",
            Self::Trash => "messages.trash",
            Self::Untrash => "messages.untrash",
            Self::Delete => "messages.delete",
            Self::Insert => "messages.insert",
            Self::Import => "messages.import",
            Self::Token => "oauth.token",
            Self::Revoke => "oauth.revoke",
        }
    }

    /// Scopes of which one must have been granted.
    /// Source: the authorisation section of each method's page, <https://developers.google.com/workspace/gmail/api/reference/rest>.
    pub fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::GetProfile
            | Self::MessagesList
            | Self::MessagesGet
            | Self::HistoryList
            | Self::Watch
            | Self::Stop => &[FULL, MODIFY, READONLY, METADATA],
            Self::LabelsList | Self::LabelsGet => &[FULL, MODIFY, READONLY, LABELS, METADATA],
            Self::AttachmentsGet => &[FULL, MODIFY, READONLY],
            Self::Modify | Self::Trash | Self::Untrash => &[FULL, MODIFY],
            Self::Delete => &[FULL],
            Self::Insert | Self::Import => &[FULL, MODIFY, INSERT],
            Self::Token | Self::Revoke => &[],
        }
    }
}
