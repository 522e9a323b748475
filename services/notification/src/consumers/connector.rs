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

use super::effect::{Effects, decode, malformed};
use crate::rules::trouble;
use crate::store::{accounts, preferences};

/// Statuses the projection knows.
const STATUSES: [&str; 4] = ["active", "reauth_required", "paused", "disconnected"];

/// Applies events of the connector service.
pub struct ConnectorEvents {
    effects: Effects,
}

impl ConnectorEvents {
    pub fn new(effects: Effects) -> Self {
        Self { effects }
    }
}

#[async_trait]
impl Applier for ConnectorEvents {
    fn consumer(&self) -> &'static str {
        NOTIFICATION_CONNECTOR.name
    }

    fn queue(&self) -> &'static Queue {
        &NOTIFICATION_CONNECTOR
    }

    async fn apply(&self, tx: &mut TenantTx, event: &Envelope) -> Result<Applied, ApplyError> {
        let state = match event.event_type.as_str() {
            ConnectorConnected::TYPE => decode::<ConnectorConnected>(event).map(|it| it.connector),
            ConnectorUpdated::TYPE => decode::<ConnectorUpdated>(event).map(|it| it.connector),
            ConnectorReauthRequired::TYPE => decode::<ConnectorReauthRequired>(event).map(|it| it.connector),
            ConnectorDisconnected::TYPE => decode::<ConnectorDisconnected>(event).map(|it| it.connector),
            // Watches are nothing a user is told about.
            _ => return Ok(Applied::Done),
        };
        let state = match state {
            Ok(Some(state)) => state,
            Ok(None) => return Ok(Applied::DeadLetter("the event has no connector".to_owned())),
            Err(dead) => return Ok(dead),
        };
        let id = match check(&state) {
            Ok(id) => id,
            Err(reason) => return Ok(Applied::DeadLetter(reason)),
        };
        self.apply_state(tx, event, id, &state).await
    }
}

impl ConnectorEvents {
    async fn apply_state(
        &self,
        tx: &mut TenantTx,
        event: &Envelope,
        id: ConnectorId,
        state: &ConnectorState,
    ) -> Result<Applied, ApplyError> {
        let tenant = match event.tenant() {
            Ok(tenant) => tenant.clone(),
            Err(error) => return Ok(malformed(&error)),
        };
        let now = self.effects.changes.seams.clock.now();
        let newer = accounts::apply(tx, &tenant, id, state, event.time, now).await?;
        // An older event says nothing new: by now the account may be connected again.
        if !newer || event.event_type != ConnectorReauthRequired::TYPE {
            return Ok(Applied::Done);
        }
        let Some(account) = accounts::find(tx, &tenant, id).await? else { return Ok(Applied::Done) };
        let effective = preferences::effective(tx, &tenant, &account.owner, Some(id)).await?.preferences;
        let verdict = trouble::reauth_required(state, &account, &effective, event.time);
        self.effects.take(tx, event, (&tenant, &account), verdict).await?;
        Ok(Applied::Done)
    }
}

/// What the database would refuse for ever is refused here, with a reason.
fn check(state: &ConnectorState) -> Result<ConnectorId, String> {
    let id = state.connector_id.parse::<ConnectorId>().map_err(|error| error.to_string())?;
    UserId::parse(state.owner.as_str()).map_err(|error| format!("owner: {error}"))?;
    if !STATUSES.contains(&state.status.as_str()) {
        return Err(format!("unknown status {:?}", state.status));
    }
    if state.version < 1 {
        return Err(format!("version {} is not above 0", state.version));
    }
    let action = state.settings.as_ref().map_or("", |settings| settings.label_filter_action.as_str());
    if !["", "include", "exclude"].contains(&action) {
        return Err(format!("unknown label filter {action:?}"));
    }
    let labels = state.settings.as_ref().map_or(&[][..], |settings| settings.label_ids.as_slice());
    let texts = labels.iter().chain([&state.email_address, &state.display_name]);
    if texts.into_iter().any(|text| text.contains('\0')) {
        return Err("a text has a NUL character".to_owned());
    }
    Ok(id)
}
