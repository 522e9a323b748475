//! An owner's change of a connector: name, settings, pause and resume.

use postrider_contracts::TraceContext;
use postrider_domain::{AccountStatus, ConnectorId};

use super::Owner;
use crate::error::Error;
use crate::events::{self, Change};
use crate::rules::settings::SettingsPatch;
use crate::rules::status::{self, Refused};
use crate::state::State;
use crate::store::connectors::{self, Connector};

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    pub display_name: Option<String>,
    pub settings: Option<SettingsPatch>,
    pub status: Option<AccountStatus>,
}

/// Changes an owner's connector. One that changes nothing moves no version and publishes nothing.
pub async fn update(
    state: &State,
    owner: &Owner,
    id: ConnectorId,
    patch: Patch,
    trace: Option<TraceContext>,
) -> Result<(), Error> {
    let mut tx = state.db.tenant(&owner.tenant).await?;
    let row = connectors::lock(&tx, id).await?.filter(|row| row.owner == owner.user).ok_or(Error::NotFound)?;
    let next = changed(&row, patch)?;
    if next == row {
        return Ok(());
    }
    let next = Connector { version: row.version + 1, updated_at: state.seams.clock.now(), ..next };
    connectors::save(&tx, &next).await?;
    events::connector(&mut tx, &state.seams, &next, Change::Updated, trace).await?;
    tx.commit().await?;
    Ok(())
}

/// The connector as it is to be. An ended one cannot be changed at all.
pub fn changed(row: &Connector, patch: Patch) -> Result<Connector, Error> {
    if row.status == AccountStatus::Disconnected {
        return Err(Error::Disconnected);
    }
    let mut next = row.clone();
    if let Some(name) = patch.display_name {
        next.display_name = name;
    }
    if let Some(settings) = patch.settings {
        next.settings = settings.apply(&row.settings).map_err(Error::from_faults)?;
    }
    if let Some(chosen) = patch.status {
        next.status = status::change(row.status, chosen).map_err(|refused| match refused {
            Refused::ReauthRequired => Error::ReauthRequired,
            Refused::Disconnected => Error::Disconnected,
        })?;
    }
    Ok(next)
}
