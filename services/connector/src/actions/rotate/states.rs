//! Consents under way: their PKCE verifier, and the grant of one that waits for its yes.

use super::{BATCH, Counts, Kind, Rotation};
use crate::error::Error;
use crate::store::oauth_states::{self, Hash};

impl Rotation<'_> {
    pub(super) async fn states(&self) -> Result<Counts, Error> {
        let (mut counts, mut after) = (Counts::default(), Hash::new());
        loop {
            let tx = self.db.system().await?;
            let found = oauth_states::page(&tx, &after, BATCH).await?;
            tx.commit().await?;
            let Some(last) = found.last() else { return Ok(counts) };
            after.clone_from(last);
            for hash in &found {
                let tx = self.db.system().await?;
                let Some(held) = oauth_states::lock(&tx, hash).await? else { continue };
                let mut again = |sealed: String| {
                    let seal = self.seal_again(&sealed);
                    counts.note(&seal);
                    seal.or_keep(sealed)
                };
                let (verifier, grant) = (again(held.verifier_sealed), held.grant_sealed.map(&mut again));
                oauth_states::seal_again(&tx, hash, &verifier, grant.as_deref()).await?;
                tx.commit().await?;
            }
            (self.tell)(Kind::Consents, counts);
        }
    }
}
