//! Grants that wait to be given back to Google.

use uuid::Uuid;

use super::{BATCH, Counts, Kind, Rotation, Seal};
use crate::error::Error;
use crate::store::grant_endings;

impl Rotation<'_> {
    pub(super) async fn endings(&self) -> Result<Counts, Error> {
        let (mut counts, mut after) = (Counts::default(), Uuid::nil());
        loop {
            let tx = self.db.system().await?;
            let found = grant_endings::page(&tx, after, BATCH).await?;
            tx.commit().await?;
            let Some(last) = found.last() else { return Ok(counts) };
            after = *last;
            for id in found {
                let tx = self.db.system().await?;
                let Some(sealed) = grant_endings::lock(&tx, id).await? else { continue };
                let seal = self.seal_again(&sealed);
                counts.note(&seal);
                if let Seal::Fresh(fresh) = seal {
                    grant_endings::seal_again(&tx, id, &fresh).await?;
                }
                tx.commit().await?;
            }
            (self.tell)(Kind::GrantEndings, counts);
        }
    }
}
