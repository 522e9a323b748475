//! Links by which an owner gives an account back its access. The connector makes one when a mail is sent; it is kept nowhere.

use async_trait::async_trait;
use postrider_domain::{ConnectorId, Secret, TenantId, UserId};
use postrider_web::client::Call;
use postrider_web::{Scopes, ServiceClient};
use serde::Deserialize;
use serde_json::json;

/// Why there is no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoLink {
    /// The account works again, or is gone: no mail is needed.
    NotNeeded,
    /// Its owner has enough of them: the mail goes without.
    Enough,
    /// The connector is away.
    Away,
}

/// Who makes them.
#[async_trait]
pub trait ReconnectLinks: Send + Sync {
    /// A link for an account that needs a new consent.
    async fn mint(&self, tenant: &TenantId, user: &UserId, account: ConnectorId) -> Result<Secret, NoLink>;
}

#[derive(Deserialize)]
struct Link {
    url: Secret,
}

#[async_trait]
impl ReconnectLinks for ServiceClient {
    async fn mint(&self, tenant: &TenantId, user: &UserId, account: ConnectorId) -> Result<Secret, NoLink> {
        let call = Call::on_behalf_of(tenant.clone(), user.clone(), Scopes::default(), None);
        let body = json!({ "connector_id": account });
        match self.post::<Link>(&call, "/internal/connect-links", &body).await {
            Ok(link) => Ok(link.url),
            Err(error) => match error.code() {
                Some("reauth_not_required" | "connector_disconnected" | "not_found") => Err(NoLink::NotNeeded),
                Some("connect_links_full") => Err(NoLink::Enough),
                _ => {
                    tracing::warn!(%error, "no reconnect link could be made");
                    Err(NoLink::Away)
                }
            },
        }
    }
}
