//! `notification.connector`: the projection of accounts, and the alarm when a grant is lost.

use async_trait::async_trait;
use postrider_contracts::connector::{
    ConnectorConnected, ConnectorDisconnected, ConnectorReauthRequired, ConnectorState, ConnectorUpdated,
};
use postrider_contracts::topology::NOTIFICATION_CONNECTOR;
use postrider_contracts::{Envelope, Event, Queue};
use postrider_domain::{ConnectorId, UserId};
use postrider_events::streams::{Applied, Applier, ApplyError};
use postrider_storage::TenantTx;

use super::outcome::{Refusal, missing, outcome};
use crate::actions::Actions;
use crate::rules::{Recipient, trouble};
use crate::store::accounts::{self, Projection};
use crate::store::preferences;

/// Applies events of the connector service.
pub struct ConnectorEvents {
    pub actions: Actions,
}

#[async_trait]
impl Applier for ConnectorEvents {
    fn consumer(&self) -> &'static str {
        NOTIFICATION_CONNECTOR.name
    }

    fn queue(&self) -> &'static Queue {
        &NOTIFICATION_CONNECTOR
    }

    /// The projection locks accounts, and mails lock their user before the account.
    fn must_prepare(&self, fresh: &[&Envelope]) -> bool {
        !fresh.is_empty()
    }

    async fn prepare(&self, tx: &mut TenantTx, events: &[&Envelope]) -> Result<(), ApplyError> {
        Ok(self.actions.lock_users(tx, events).await?)
    }

    async fn apply(&self, tx: &mut TenantTx, event: &Envelope) -> Result<Applied, ApplyError> {
        outcome(self.project(tx, event).await)
    }
}

impl ConnectorEvents {
    async fn project(&self, tx: &mut TenantTx, event: &Envelope) -> Result<(), Refusal> {
        let state = match event.event_type.as_str() {
            ConnectorConnected::TYPE => event.decode::<ConnectorConnected>()?.connector,
            ConnectorUpdated::TYPE => event.decode::<ConnectorUpdated>()?.connector,
            ConnectorReauthRequired::TYPE => event.decode::<ConnectorReauthRequired>()?.connector,
            ConnectorDisconnected::TYPE => event.decode::<ConnectorDisconnected>()?.connector,
            // Watches are nothing a user is told about.
            _ => return Ok(()),
        };
        let new = check(state.ok_or_else(|| missing("connector"))?, event).map_err(Refusal::Never)?;
        let (tenant, id) = (event.tenant()?, new.id);
        let newer = accounts::project(tx, tenant, &new, self.actions.now()).await?;
        // An older event says nothing new: by now the account may be connected again.
        if !newer || event.event_type != ConnectorReauthRequired::TYPE {
            return Ok(());
        }
        let Some(account) = accounts::find(tx, tenant, id).await? else { return Ok(()) };
        let preferences = preferences::effective(tx, tenant, &account.owner, Some(id)).await?.preferences;
        let to = Recipient { account, preferences, at: event.time, now: self.actions.now() };
        let verdict = trouble::reauth_required(&new.state, &to);
        Ok(self.actions.carry_out(tx, tenant, &to.account, event, verdict).await?)
    }
}

/// What the database would refuse for ever is refused here, with a reason.
fn check(state: ConnectorState, event: &Envelope) -> Result<Projection, String> {
    let id = state.connector_id.parse::<ConnectorId>().map_err(|error| error.to_string())?;
    let owner = UserId::parse(state.owner.as_str()).map_err(|error| format!("owner: {error}"))?;
    let status = state.status.parse().map_err(|_unknown| format!("unknown status {:?}", state.status))?;
    if state.version < 1 {
        return Err(format!("version {} is not above 0", state.version));
    }
    let filter = state.settings.as_ref().map_or("", |settings| settings.label_filter_action.as_str());
    let label_filter = filter.parse().map_err(|_unknown| format!("unknown label filter {filter:?}"))?;
    let labels = state.settings.as_ref().map_or(&[][..], |settings| settings.label_ids.as_slice());
    let texts = labels.iter().chain([&state.email_address, &state.display_name]);
    if texts.into_iter().any(|text| text.contains('\0')) {
        return Err("a text has a NUL character".to_owned());
    }
    Ok(Projection { id, owner, status, label_filter, state, at: event.time })
}
