//! A search as a list of mails is asked for it: words go to the index, labels become those of each account, the rest are
//! filters like any other.

use postrider_domain::{ConnectorId, LabelId};
use postrider_storage::{Error, TenantTx};
use postrider_web::Problem;

use crate::http::api::invalid;
use crate::rules::search::fold::fold;
use crate::rules::search::query::Query;
use crate::rules::search::terms::Prefix;
use crate::store::emails::{self, Email, Filter};
use crate::store::labels;

/// What `q` and `subject` ask.
pub struct Asked(Query);

impl Asked {
    pub fn parse(q: Option<&str>, subject: Option<&str>) -> Result<Self, Problem> {
        let query = Query::parse(q.unwrap_or_default()).map_err(|no| invalid("q", &no.to_string()))?;
        Ok(Self(match subject {
            Some(subject) => query.and(Query::of_subject(subject)),
            None => query,
        }))
    }

    /// The mails that fit the filter as well; `label` is the one of the request itself.
    pub async fn run(self, tx: &TenantTx, mut filter: Filter, label: Option<LabelId>) -> Result<Vec<Email>, Error> {
        let query = self.0;
        let both = |one: Option<bool>, other: Option<bool>| one.is_some() && other.is_some() && one != other;
        if query.nothing || both(filter.unread, query.unread) {
            return Ok(Vec::new());
        }
        filter.unread = filter.unread.or(query.unread);
        filter.attachment = query.attachment;
        filter.received_after = filter.received_after.max(query.after);
        filter.received_before = filter.received_before.into_iter().chain(query.before).min();
        if !query.labels.is_empty() {
            let names = labels::list_names(tx, &filter.accounts).await?;
            let of = |account| Labels::of(&query.labels, account, &names);
            let labels: Vec<Labels> = filter.accounts.iter().filter_map(|account| of(*account)).collect();
            filter.accounts = labels.iter().map(|labels| labels.account).collect();
            if query.labels.iter().any(|(_, negated)| *negated) {
                filter.unwanted = labels.iter().map(|labels| labels.unwanted.clone()).collect();
            }
            if query.labels.iter().any(|(_, negated)| !*negated) {
                filter.wanted = labels.iter().map(|labels| labels.wanted.join("\n")).collect();
                filter.label = labels.iter().filter_map(|labels| LabelId::parse(labels.wanted.first()?).ok()).collect();
            }
        }
        if let Some(label) = label {
            filter.label = vec![label; filter.accounts.len()];
        }
        if !filter.label.is_empty() {
            // A label is asked for: what carries it is shown wherever it lies.
            (filter.spam_trash, filter.drafts) = (filter.accounts.clone(), true);
        }
        if filter.accounts.is_empty() {
            return Ok(Vec::new());
        }
        let prefixes: Vec<Prefix> = filter.accounts.iter().map(|account| Prefix::of(*account)).collect();
        let asked: Vec<String> = prefixes.iter().filter_map(|prefix| query.positive(*prefix)).collect();
        filter.refused = prefixes.iter().filter_map(|prefix| query.negative(*prefix)).collect();
        if asked.is_empty() { emails::list(tx, filter).await } else { emails::search(tx, filter, asked).await }
    }
}

/// What a search says of labels, in one account.
struct Labels {
    account: ConnectorId,
    wanted: Vec<String>,
    /// A line each.
    unwanted: String,
}

impl Labels {
    /// None where the account has no such label: no mail of it can be found.
    fn of(asked: &[(String, bool)], account: ConnectorId, names: &[(ConnectorId, LabelId, String)]) -> Option<Self> {
        let (mut wanted, mut unwanted) = (Vec::new(), Vec::new());
        for (name, negated) in asked {
            let key = label_key(name);
            let fits = |(of, id, known): &&(ConnectorId, LabelId, String)| {
                *of == account && (id.as_str() == name || label_key(known) == key)
            };
            match (names.iter().find(fits), negated) {
                (Some((_, id, _)), false) => wanted.push(id.to_string()),
                (Some((_, id, _)), true) => unwanted.push(id.to_string()),
                (None, false) => return None,
                (None, true) => {}
            }
        }
        Some(Self { account, wanted, unwanted: unwanted.join("\n") })
    }
}

/// Names as Gmail's search takes them: case-blind, spaces and slashes as dashes.
fn label_key(name: &str) -> String {
    let key: String = fold(name).chars().map(|c| if c.is_whitespace() || c == '/' { '-' } else { c }).collect();
    if key == "drafts" { "draft".to_owned() } else { key }
}
