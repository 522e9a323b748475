//! What a mail says, asked of the sync-worker: events do not carry it.

use async_trait::async_trait;
use postrider_domain::{TenantId, UserId};
use postrider_web::{Call, ClientError, Scopes, ServiceClient};
use serde::Deserialize;

/// A mail, as far as triggers look at it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MailText {
    pub subject: Option<String>,
    pub sender: Person,
    /// Made from its HTML where it has no text of its own.
    pub text: Option<String>,
}

/// Who sent it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct Person {
    pub name: Option<String>,
    pub email: Option<String>,
}

/// Tells what mails say; tests replace it.
#[async_trait]
pub trait MailTexts: Send + Sync {
    /// One of a user's mails, by our id; nothing if it is gone.
    async fn find(&self, tenant: &TenantId, user: &UserId, email_id: &str) -> Result<Option<MailText>, ClientError>;
}

#[async_trait]
impl MailTexts for ServiceClient {
    async fn find(&self, tenant: &TenantId, user: &UserId, email_id: &str) -> Result<Option<MailText>, ClientError> {
        let call = Call::on_behalf_of(tenant.clone(), user.clone(), Scopes::parse("read"), None);
        match self.get(&call, &format!("/api/v1/emails/{email_id}"), &()).await {
            Ok(found) => Ok(Some(found)),
            Err(ClientError::Status { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
