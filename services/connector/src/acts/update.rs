//! An owner's change of a connector: name, settings, pause and resume.

use postrider_contracts::TraceContext;
use postrider_domain::ConnectorId;

use super::connect::Owner;
use crate::error::Error;
use crate::events::{self, Change};
use crate::rules::settings::SettingsPatch;
use crate::rules::status::{self, Refused, Status};
use crate::state::State;
use crate::store::connectors::{self, Connector};

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    pub display_name: Option<String>,
    pub settings: Option<SettingsPatch>,
    pub status: Option<Status>,
}

/// Changes an owner's connector. A wish that changes nothing moves no version and publishes nothing.
pub async fn update(
    state: &State,
    owner: &Owner,
    id: ConnectorId,
    wish: Wish,
    trace: Option<TraceContext>,
) -> Result<(), Error> {
    let mut tx = state.db.tenant(&owner.tenant).await?;
    let row = connectors::lock(&mut tx, id).await?.filter(|row| row.owner == owner.user).ok_or(Error::NotFound)?;
    let next = changed(&row, wish)?;
    if next == row {
        return Ok(());
    }
    let next = Connector { version: row.version + 1, updated_at: state.seams.clock.now(), ..next };
    connectors::save(&mut tx, &next).await?;
    events::connector(&mut tx, &state.seams, &next, Change::Updated, trace).await?;
    tx.commit().await?;
    Ok(())
}

/// The connector as wished. An ended one cannot be changed at all.
pub fn changed(row: &Connector, wish: Wish) -> Result<Connector, Error> {
    if row.status == Status::Disconnected {
        return Err(Error::Disconnected);
    }
    let mut next = row.clone();
    if let Some(name) = wish.display_name {
        next.display_name = name;
    }
    if let Some(patch) = wish.settings {
        next.settings = patch.apply(&row.settings).map_err(Error::from_faults)?;
    }
    if let Some(wished) = wish.status {
        next.status = status::change(row.status, wished).map_err(|refused| match refused {
            Refused::ReauthRequired => Error::ReauthRequired,
            Refused::Disconnected => Error::Disconnected,
        })?;
    }
    Ok(next)
}
