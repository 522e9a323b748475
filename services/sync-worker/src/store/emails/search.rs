//! Lists of mails that hold words. The index of words tells of words alone, the lists' indexes of everything else: whichever
//! is shorter is asked first, and what it gives is sifted by the other.

use postrider_storage::{Error, TenantTx};

use super::{Email, Filter};
use crate::store::count;
use crate::store::search::{self, Hit, Lookup};

/// Mails of a filter's own list whose words are looked at before the index of words is asked.
const CANDIDATES: [i64; 2] = [250, 750];
/// Mails found at first, for each one wanted, and how many at most at once.
const HITS: i64 = 4;
const FEWEST_HITS: i64 = 200;
const MOST_HITS: i64 = 10_000;
/// Mails that were found and are read at once, so that a page that is full is not read beyond.
const SIFTED: usize = 1_000;

/// Lists mails that hold what each account's index is asked.
pub async fn search(tx: &TenantTx, filter: Filter, queries: Vec<String>) -> Result<Vec<Email>, Error> {
    let lookup = Lookup {
        accounts: filter.accounts.clone(),
        queries,
        oldest_first: filter.oldest_first,
        since: filter.received_after,
        until: filter.received_before,
        behind: filter.after,
    };
    let mut search = Search { tx, filter, lookup, found: Vec::new() };
    if !search.among_the_listed().await? {
        search.by_words().await?;
    }
    Ok(search.found)
}

struct Search<'a> {
    tx: &'a TenantTx,
    filter: Filter,
    /// Goes on behind what was looked at.
    lookup: Lookup,
    found: Vec<Email>,
}

impl Search<'_> {
    fn left(&self) -> i64 {
        self.filter.limit - count(self.found.len())
    }

    /// Looks at the words of what the filter lists, where that may be little: a word that ten thousand mails hold takes
    /// longer to look up than those of a label's newest thousand. Says whether nothing is left to be found.
    async fn among_the_listed(&mut self) -> Result<bool, Error> {
        if !self.filter.is_narrow() {
            return Ok(false);
        }
        for most in CANDIDATES {
            let listed = Filter { limit: most, after: self.lookup.behind, ..self.filter.clone() };
            let listed = listed.places(self.tx).await?;
            let ids: Vec<_> = listed.iter().map(|mail| mail.email_id).collect();
            let holding = search::holding(self.tx, &self.lookup, &ids).await?;
            self.keep(listed.iter().filter(|mail| holding.contains(&mail.email_id)).copied().collect()).await?;
            if count(listed.len()) < most || self.left() <= 0 {
                return Ok(true);
            }
            self.lookup.behind = listed.last().map(|mail| (mail.received_at, mail.email_id));
        }
        Ok(false)
    }

    /// Asks the index of words.
    async fn by_words(&mut self) -> Result<(), Error> {
        let mut most = self.filter.limit.saturating_mul(HITS).clamp(FEWEST_HITS, MOST_HITS);
        loop {
            let hits = search::find(self.tx, &self.lookup, most).await?;
            let over = count(hits.len()) < most;
            self.lookup.behind = hits.last().map(|mail| (mail.received_at, mail.email_id));
            self.keep(hits).await?;
            if over || self.left() <= 0 {
                return Ok(());
            }
            most = MOST_HITS;
        }
    }

    async fn keep(&mut self, hits: Vec<Hit>) -> Result<(), Error> {
        for hits in hits.chunks(SIFTED) {
            if self.left() <= 0 {
                break;
            }
            let filter = Filter { limit: self.left(), ..self.filter.clone() };
            self.found.extend(filter.pick(self.tx, hits).await?);
        }
        Ok(())
    }
}
