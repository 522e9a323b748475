//! Whose grant is this? The id_token says so; without one, Gmail's profile names the address at least.

use postrider_domain::{ConnectorId, EmailAddress, Secret, Timestamp};

use super::token_source::FixedToken;
use crate::error::Error;
use crate::rules::identity::Identity;
use crate::state::{Google, TokenAnswer};

/// The account a token answer belongs to.
pub async fn identity(google: &Google, answer: &TokenAnswer) -> Result<Identity, Error> {
    let named = answer.identity.as_ref();
    let address = match named.filter(|named| named.email_verified).and_then(|named| named.email.clone()) {
        Some(address) => address,
        None => profile(google, &answer.access, answer.access_expires_at).await?,
    };
    Identity::new(named.map(|named| named.sub.as_str()), address)
        .map_err(|error| Error::google_refused(format!("the account's id cannot be used: {error}")))
}

async fn profile(google: &Google, access: &Secret, expires_at: Timestamp) -> Result<EmailAddress, Error> {
    let tokens = FixedToken { secret: access.clone(), expires_at };
    let mailbox = ConnectorId(uuid::Uuid::nil());
    let profile = google.gmail(mailbox, std::sync::Arc::new(tokens))?.profile().await.map_err(Error::from_gmail)?;
    Ok(profile.email)
}
