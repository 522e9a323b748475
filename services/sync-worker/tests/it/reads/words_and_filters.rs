//! Words beside filters: whichever of the two finds less is asked, and together they find what there is.

use std::collections::BTreeSet;

use postrider_domain::{EmailId, LabelId};
use postrider_storage::TenantTx;
use postrider_sync_worker::rules::search::query::Query;
use postrider_sync_worker::rules::search::terms::Prefix;
use postrider_sync_worker::store::emails::{self, Email, Filter};

use super::{EARLIEST, EARLY, GLANCE, MAILS, PEEKS, WALK, account, fill, filter, reading, tenant};

fn label(label: &str, accounts: usize) -> Vec<LabelId> {
    vec![LabelId::parse(label).unwrap(); accounts]
}

async fn search(tx: &TenantTx, filter: Filter, q: &str) -> Vec<Email> {
    let query = Query::parse(q).unwrap();
    let prefixes: Vec<Prefix> = filter.accounts.iter().map(|account| Prefix::of(*account)).collect();
    let refused = prefixes.iter().filter_map(|prefix| query.negative(*prefix)).collect();
    let asked = prefixes.iter().map(|prefix| query.positive(*prefix).unwrap()).collect();
    emails::search(tx, Filter { refused, ..filter }, asked).await.unwrap()
}

/// The mails' numbers in their account, as they came.
fn numbers(mails: &[Email]) -> Vec<i64> {
    mails.iter().map(|mail| mail.subject.strip_prefix("mail ").unwrap().parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_words_and_a_filter_reads_the_shorter_list() {
    let test = fill().await;
    let inbox = Filter { label: label("INBOX", 1), ..filter() };
    let fifty = Filter { label: label("Label_0", 1), ..filter() };
    let unread = Filter { unread: Some(true), ..filter() };
    let waiting = Filter { processed: Some(false), ..filter() };
    let tenth = Filter { label: label("Tenth", 1), ..filter() };
    let both = Filter { wanted: vec!["INBOX\nLabel_0".to_owned()], ..inbox.clone() };
    let read = Filter { unread: Some(false), ..filter() };
    // What is asked, what it finds, and the most rows of words and of mails that may be read for it. The planner may read
    // the words of all mails that hold them, where these lie on few pages.
    for (q, filter, wanted, words, mails) in [
        // All mails carry it: its newest tell nothing, so the index of words is asked.
        ("everywhere", &inbox, 11, WALK, 20),
        ("old", &inbox, 10, GLANCE + PEEKS + 10, 20),
        ("everywhere", &unread, 11, 20, 20),
        ("everywhere", &waiting, 10, 10, 20),
        ("everywhere -rare", &waiting, 8, 20, 20),
        ("rare", &fifty, 4, 80, 10),
        ("old", &unread, 1, 20, 10),
        ("nowhere", &unread, 0, 20, 0),
        // Of a longer list twenty-four are looked at: where the word begins, to a 24th of it, and half as many again as a page.
        ("early", &tenth, 11, 24 + 400 / 24 + 11 * 3 / 2, 11),
        ("everywhere", &tenth, 11, 24 + 400 / 24 + 11 * 3 / 2, 11),
        ("rare", &tenth, 4, 24 + 4, 4),
        ("old", &read, 9, GLANCE + PEEKS + 10, 20),
        // Hardly a mail carries both: nobody looks for one by walking the first.
        ("rare", &both, 4, GLANCE + PEEKS + 10, 20),
        ("old", &both, 1, GLANCE + PEEKS + 10, 20),
    ] {
        let tx = test.db.tenant(&tenant(2)).await.unwrap();
        let searched = search(&tx, filter.clone(), q);
        let (rows, [found, read]) = reading(&tx, ["email_search", "emails"], searched).await;
        assert_eq!(rows.len(), wanted, "{q} {filter:?}");
        assert!(found.whole == 0 && found.rows <= words, "{q} {filter:?} reads {found:?}");
        assert!(read.whole == 0 && read.rows <= mails, "{q} {filter:?} reads {read:?} of emails");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_accounts_are_asked_for_words_in_the_index() {
    let test = fill().await;
    let accounts = vec![account(0), account(2), account(4), account(6)];
    for (q, wanted) in [("rare", 11), ("old", 11), ("nowhere", 0)] {
        let tx = test.db.tenant(&tenant(2)).await.unwrap();
        let searched = search(&tx, Filter { accounts: accounts.clone(), ..filter() }, q);
        let (rows, [found, read]) = reading(&tx, ["email_search", "emails"], searched).await;
        assert_eq!(rows.len(), wanted, "{q}");
        assert!(found.whole == 0 && found.rows <= 40, "{q} reads {found:?}");
        assert!(read.whole == 0 && read.rows <= 50, "{q} reads {read:?} of emails");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_and_filters_find_what_there_is_page_by_page() {
    let test = fill().await;
    let all = || 1..=MAILS;
    let rare_in_label = |n: &i64| n % 1_000 == 0 && n % 50 == 0;
    let cases: Vec<(&str, Filter, Vec<i64>)> = vec![
        ("everywhere", Filter { label: label("INBOX", 1), limit: 700, ..filter() }, all().collect()),
        (
            "everywhere -rare",
            Filter { unread: Some(false), limit: 900, ..filter() },
            all().filter(|n| n % 200 != 0).collect(),
        ),
        (
            "everywhere",
            Filter { label: label("Label_7", 1), limit: 9, ..filter() },
            all().filter(|n| n % 50 == 7).collect(),
        ),
        ("rare", Filter { label: label("Label_0", 1), limit: 3, ..filter() }, all().filter(rare_in_label).collect()),
        ("old", Filter { label: label("INBOX", 1), limit: 4, ..filter() }, all().filter(|n| *n > MAILS - 10).collect()),
        ("old", Filter { processed: Some(false), limit: 4, ..filter() }, vec![MAILS]),
        (
            "early",
            Filter { label: label("Tenth", 1), limit: 7, ..filter() },
            all().filter(|n| *n > EARLY && n % 10 == 0).collect(),
        ),
        (
            "early -rare",
            Filter { label: label("Tenth", 1), limit: 200, ..filter() },
            all().filter(|n| *n > EARLY && n % 10 == 0 && n % 1_000 != 0).collect(),
        ),
        ("early", Filter { limit: 900, ..filter() }, all().filter(|n| *n > EARLY).collect()),
        ("early everywhere", Filter { limit: 41, ..filter() }, all().filter(|n| *n > EARLY).collect()),
        ("beginning", Filter { limit: 100, ..filter() }, all().filter(|n| *n > EARLIEST).collect()),
        (
            "early",
            Filter { attachment: Some(true), limit: 3, ..filter() },
            all().filter(|n| *n > EARLY && n % 300 == 0).collect(),
        ),
        (
            "beginning",
            Filter { processed: Some(true), limit: 700, ..filter() },
            all().filter(|n| *n > EARLIEST && n % 400 != 0).collect(),
        ),
    ];
    for accounts in [vec![account(2)], vec![account(0), account(2), account(4)]] {
        for oldest_first in [false, true] {
            for (q, filter, wanted) in &cases {
                let label = filter.label.first().map(|one| vec![one.clone(); accounts.len()]).unwrap_or_default();
                let limit = filter.limit;
                let mut filter = Filter { accounts: accounts.clone(), label, oldest_first, ..filter.clone() };
                let mut found: Vec<Email> = Vec::new();
                let tx = test.db.tenant(&tenant(2)).await.unwrap();
                loop {
                    let page = search(&tx, filter.clone(), q).await;
                    let full = i64::try_from(page.len()).unwrap() == limit;
                    found.extend(page);
                    if !full {
                        break;
                    }
                    filter.after = found.last().map(|mail| (mail.received_at, mail.email_id));
                }
                let what = format!("{q}, {} accounts, oldest first: {oldest_first}", accounts.len());
                let ids: BTreeSet<EmailId> = found.iter().map(|mail| mail.email_id).collect();
                assert_eq!(ids.len(), found.len(), "{what}: doubled");
                let mut wanted: Vec<i64> = wanted.iter().flat_map(|n| vec![*n; accounts.len()]).collect();
                if oldest_first {
                    wanted.reverse();
                }
                assert_eq!(numbers(&found), wanted, "{what}");
            }
        }
    }
    // Of another tenant nothing is to be had, by any name.
    let tx = test.db.tenant(&tenant(1)).await.unwrap();
    for (q, filter, _) in cases {
        assert!(search(&tx, filter, q).await.is_empty());
    }
}
