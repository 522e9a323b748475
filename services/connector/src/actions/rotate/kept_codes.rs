//! Google's answers to codes whose account could not be named yet. Opened as their tenant.

use super::{BATCH, Counts, Kind, Rotation, Seal};
use crate::error::Error;
use crate::store::oauth_states::Hash;
use crate::store::redeemed_codes;

impl Rotation<'_> {
    pub(super) async fn kept_codes(&self) -> Result<Counts, Error> {
        let (mut counts, mut after) = (Counts::default(), Hash::new());
        loop {
            let tx = self.db.system().await?;
            let found = redeemed_codes::page(&tx, &after, BATCH).await?;
            tx.commit().await?;
            let Some(last) = found.last() else { return Ok(counts) };
            after.clone_from(&last.code_hash);
            for place in &found {
                let tx = self.db.tenant(&place.tenant).await?;
                let Some(sealed) = redeemed_codes::lock(&tx, &place.code_hash).await? else { continue };
                let seal = self.seal_again(&sealed);
                counts.note(&seal);
                if let Seal::Fresh(fresh) = seal {
                    redeemed_codes::seal_again(&tx, &place.code_hash, &fresh).await?;
                }
                tx.commit().await?;
            }
            (self.tell)(Kind::KeptCodes, counts);
        }
    }
}
