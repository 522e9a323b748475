//! What Gmail answered for one message.

use postrider_domain::LabelId;
use postrider_gmail::MailMeta;

use super::Mail;

/// A message as it was fetched.
#[derive(Debug, Clone)]
pub enum Fetched {
    Mail(Box<Mail>),
    /// Labels and version; the content is here already.
    Labels(MailMeta),
    /// Nobody asked: listings of labels say that they are what the mirror has.
    Unchanged(MailMeta),
    /// 404.
    Missing,
    /// It is there, and Gmail gives no source for it.
    NoSource,
    /// Something that belongs to this one message went wrong.
    Poison(String),
}

impl Fetched {
    /// The mail's labels, as far as the answer tells.
    pub fn labels(&self) -> &[LabelId] {
        match self {
            Self::Mail(mail) => &mail.meta.labels,
            Self::Labels(meta) | Self::Unchanged(meta) => &meta.labels,
            Self::Missing | Self::NoSource | Self::Poison(_) => &[],
        }
    }

    /// What it weighs in a transaction, in bytes.
    pub fn weight(&self) -> usize {
        match self {
            Self::Mail(mail) => mail.weight(),
            Self::Labels(_) | Self::Unchanged(_) | Self::Missing | Self::NoSource | Self::Poison(_) => 0,
        }
    }
}
