//! Tokens of connectors. Which there are is known across tenants; each is opened as its tenant.

use postrider_domain::ConnectorId;

use super::{BATCH, Counts, Kind, Rotation};
use crate::error::Error;
use crate::store::connectors::members::{self, Place};
use crate::store::credentials::{self, Seals};

impl Rotation<'_> {
    pub(super) async fn credentials(&self) -> Result<Counts, Error> {
        let (mut counts, mut after) = (Counts::default(), ConnectorId(uuid::Uuid::nil()));
        loop {
            let tx = self.db.system().await?;
            let found = members::page(&tx, after, BATCH).await?;
            tx.commit().await?;
            let Some(last) = found.last() else { return Ok(counts) };
            after = last.connector;
            for place in &found {
                counts += self.credential(place).await?;
            }
            (self.tell)(Kind::Credentials, counts);
        }
    }

    async fn credential(&self, place: &Place) -> Result<Counts, Error> {
        let mut counts = Counts::default();
        let tx = self.db.tenant(&place.tenant).await?;
        let Some(held) = credentials::lock(&tx, place.connector).await? else { return Ok(counts) };
        let mut again = |sealed: Option<String>| {
            sealed.map(|sealed| {
                let seal = self.seal_again(&sealed);
                counts.note(&seal);
                seal.or_keep(sealed)
            })
        };
        let seals = Seals { refresh: again(held.refresh_sealed), access: again(held.access_sealed) };
        if counts.unopened > 0 {
            tracing::error!(connector.id = %place.connector, "no key of ENCRYPTION_KEYS opens the tokens of {}", place.connector);
        }
        if counts.sealed_again > 0 {
            credentials::seal_again(&tx, place.connector, held.version, seals).await?;
        }
        tx.commit().await?;
        Ok(counts)
    }
}
