//! Whom mails go to: an address of one of the user's connected accounts, or one that a mailed link has confirmed.

use postrider_domain::{ConnectorId, EmailAddress, TenantId, UserId};
use postrider_storage::{Error, TenantTx};

use crate::rules::Preferences;
use crate::store::mail_addresses;

/// Where mails about an account, or about none, go now; nothing if there is no address that may be written to.
pub async fn addressee(
    tx: &TenantTx,
    tenant: &TenantId,
    user: &UserId,
    account: Option<ConnectorId>,
    preferences: &Preferences,
) -> Result<Option<String>, Error> {
    if let Some(chosen) = &preferences.digest_email {
        // One that was allowed once may not be any more: its account is gone.
        return Ok(if may_be_written_to(tx, tenant, user, chosen).await? { Some(chosen.clone()) } else { None });
    }
    let own = mail_addresses::own(tx, tenant, user).await?;
    let about = own.iter().find(|one| Some(one.account_id) == account).or(own.first());
    Ok(about.map(|one| one.address.clone()))
}

/// Whether a user may have mails sent to an address.
pub async fn may_be_written_to(tx: &TenantTx, tenant: &TenantId, user: &UserId, address: &str) -> Result<bool, Error> {
    let Ok(wanted) = EmailAddress::parse(address) else { return Ok(false) };
    let own = mail_addresses::own(tx, tenant, user).await?;
    if own.iter().filter_map(|one| EmailAddress::parse(&one.address).ok()).any(|own| own == wanted) {
        return Ok(true);
    }
    mail_addresses::is_confirmed(tx, tenant, user, &wanted.lookup_key()).await
}
