//! Which mails are our own: they bear a signature over their user and their `Message-ID`.

use postrider_contracts::mailbox::EmailSummary;
use postrider_contracts::{OriginKey, OwnMail, Purpose};
use postrider_domain::{TenantId, UserId};

/// Whether a mail is a digest of ours. The header's word alone proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnDigest(pub bool);

impl OwnDigest {
    /// Verifies a mail of that user's mailbox.
    pub fn of(mail: &EmailSummary, tenant: &TenantId, user: &UserId, keys: &[OriginKey]) -> Self {
        let digest = OwnMail { purpose: Purpose::Digest, tenant, user, message_id: &mail.rfc_message_id };
        Self(digest.is_signed(&mail.origin, keys))
    }
}
