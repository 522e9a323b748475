//! The property: whatever happens to the mailbox, the pushes, Gmail's answers and the process, once things are quiet
//! the mirror equals the truth, every entry of the history is in the ledger once, and each live mail was announced
//! exactly once.
//!
//! `POSTRIDER_CASES` sets the number of cases of each test, `POSTRIDER_SEED` replays one; see the README for how far.

mod case;
mod checks;
mod history;

use futures_util::{FutureExt, StreamExt, stream};

use self::case::Met;
use crate::harness::database;

/// Cases of each of the four tests below.
const CASES: u64 = 250;
/// Seeds of each of them: the first one's begin here.
const SEEDS: u64 = 1_000_000;
/// Cases under way at once in one test.
const PARALLEL: usize = 6;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirror_equals_truth_a() {
    many(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirror_equals_truth_b() {
    many(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirror_equals_truth_c() {
    many(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mirror_equals_truth_d() {
    many(4).await;
}

#[test]
#[should_panic(expected = "POSTRIDER_SEED=5000000 is no test's")]
fn a_seed_that_no_test_owns_is_told() {
    seeds(1, Some(5_000_000), None);
}

#[expect(clippy::disallowed_methods, reason = "a test's own switch, not a setting of the product")]
pub fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

/// The cases of the `nth` test. A seed that is another test's gives none; one that is no test's must not pass for all.
fn seeds(nth: u64, seed: Option<u64>, cases: Option<u64>) -> Vec<u64> {
    let base = nth * SEEDS;
    match seed {
        Some(seed) => {
            let last = 5 * SEEDS - 1;
            assert!((SEEDS..=last).contains(&seed), "POSTRIDER_SEED={seed} is no test's: they have {SEEDS} to {last}");
            if seed / SEEDS == nth { vec![seed] } else { Vec::new() }
        }
        None => (base..base + cases.unwrap_or(CASES).min(SEEDS)).collect(),
    }
}

async fn many(nth: u64) {
    let seeds = seeds(nth, number("POSTRIDER_SEED"), number("POSTRIDER_CASES"));
    if seeds.is_empty() {
        return;
    }
    let test = database().await;
    let db = test.db.clone();
    let count = seeds.len();
    let mut cases = stream::iter(seeds)
        .map(|seed| {
            let db = db.clone();
            async move {
                let result = std::panic::AssertUnwindSafe(Box::pin(case::run(&db, seed))).catch_unwind().await;
                match result {
                    Ok(Ok(met)) => Ok(met),
                    Ok(Err(failure)) => Err(format!("POSTRIDER_SEED={seed}: {failure}")),
                    Err(_) => Err(format!("POSTRIDER_SEED={seed} panicked")),
                }
            }
        })
        .buffer_unordered(PARALLEL);
    let (mut all, mut failures) = (Met::default(), Vec::new());
    while let Some(result) = cases.next().await {
        match result {
            Ok(met) => all.add(met),
            Err(failure) => failures.push(failure),
        }
        if failures.len() == 3 {
            break;
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    // A property that never meets its difficulties proves nothing.
    assert!(count < 100 || all.is_full(), "the cases were too easy: {all:?}");
}
