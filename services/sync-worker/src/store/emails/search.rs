//! Lists of mails that hold words. The index of words tells of words alone, the lists' indexes of everything else: whichever
//! is shorter is asked first, and what it gives is sifted by the other.

use postrider_storage::{Error, TenantTx};

use super::candidates::{count_beside, list_candidates};
use super::{Email, Filter};
use crate::rules::search::share::{places, share};
use crate::store::count;
use crate::store::search::{self, Hit, Lookup};

/// Mails of a filter's own list whose words are looked up before those of all mails.
const CANDIDATES: i64 = 1_000;
/// They are read of each account, before those of all are put in order: of a few accounts alone.
const FEW_ACCOUNTS: usize = 8;
/// The first of a long list, which tell whether it has more than one in so many of all mails: the words are asked first then.
const FIRST: usize = 200;
const MANY: i64 = 4;
/// How many mails are found for four that are wanted, first and then: most fit the filter, or few do.
const HITS: [i64; 2] = [5, 160];
/// And how many at most at once.
const MOST_HITS: i64 = 10_000;
/// How many times as many of what was found are read where the last did not fill the page.
const MORE: usize = 4;

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

    /// Looks up the words of what the filter lists, where that may be little: the mails that hold a word are many more than
    /// those of them that a label has. Says whether nothing is left to be found.
    async fn among_the_listed(&mut self) -> Result<bool, Error> {
        if self.filter.accounts.len() > FEW_ACCOUNTS {
            return Ok(false);
        }
        let listed = list_candidates(self.tx, &self.filter, self.lookup.behind, CANDIDATES).await?;
        let Some(listed) = listed else { return Ok(false) };
        let whole = count(listed.len()) < CANDIDATES;
        if let Some(first) = listed.get(..FIRST).filter(|_| !whole) {
            let most = MANY * count(FIRST);
            if count_beside(self.tx, &self.filter, first, most).await? < most {
                return Ok(false);
            }
        }
        let (early, late) = listed.split_at(self.share(&listed).await?);
        for part in [early, late] {
            if !part.is_empty() && self.left() > 0 {
                let holding = search::holding(self.tx, &self.lookup, part).await?;
                self.keep(part.iter().filter(|mail| holding.contains(&mail.email_id)).copied().collect()).await?;
            }
        }
        self.lookup.behind = listed.last().map(|mail| (mail.received_at, mail.email_id));
        Ok(whole || self.left() <= 0)
    }

    /// How many of those that are listed likely fill the page. Where words begin, and how often they come, a few mails tell.
    async fn share(&self, listed: &[Hit]) -> Result<usize, Error> {
        let places = places(listed.len());
        let [query] = self.lookup.queries.as_slice() else { return Ok(listed.len()) };
        if places.is_empty() {
            return Ok(listed.len());
        }
        let mails: Vec<_> = places.iter().filter_map(|place| listed.get(*place)).map(|mail| mail.email_id).collect();
        let holding = search::peek(self.tx, query, &mails).await?;
        let held: Vec<bool> = mails.iter().map(|mail| holding.contains(mail)).collect();
        Ok(share(&held, &places, listed.len(), usize::try_from(self.left()).unwrap_or(0)))
    }

    /// Asks the index of words.
    async fn by_words(&mut self) -> Result<(), Error> {
        for each in HITS.into_iter().chain(std::iter::repeat(i64::MAX)) {
            let most = (self.filter.limit.saturating_mul(each) / 4).clamp(1, MOST_HITS);
            let hits = search::find(self.tx, &self.lookup, most).await?;
            let over = count(hits.len()) < most;
            self.lookup.behind = hits.last().map(|mail| (mail.received_at, mail.email_id));
            self.keep(hits).await?;
            if over || self.left() <= 0 {
                break;
            }
        }
        Ok(())
    }

    /// Reads what was found: as many as are wanted, and where few of them fit the filter more at a time.
    async fn keep(&mut self, hits: Vec<Hit>) -> Result<(), Error> {
        let mut hits = hits.as_slice();
        let mut most = usize::try_from(self.left()).unwrap_or(0);
        while !hits.is_empty() && self.left() > 0 {
            let (read, later) = hits.split_at(most.min(hits.len()));
            let filter = Filter { limit: self.left(), ..self.filter.clone() };
            self.found.extend(filter.pick(self.tx, read).await?);
            (hits, most) = (later, most.saturating_mul(MORE));
        }
        Ok(())
    }
}
