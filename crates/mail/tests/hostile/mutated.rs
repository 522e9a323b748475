//! Mutated mails: the same twenty thousand in each run, a million when asked.

use super::measure::{alone, faults};
use super::mutate::{Random, corpus, mutated};

fn check(seeds: std::ops::Range<u64>) {
    let _alone = alone();
    let corpus = corpus();
    let mut wrong = Vec::new();
    for seed in seeds {
        let mail = mutated(&corpus, &mut Random::new(seed));
        wrong.extend(faults(&mail).into_iter().map(|fault| format!("seed {seed}: {fault}")));
        if wrong.len() > 20 {
            break;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn mutated_mails_are_read_within_bounds() {
    check(0..10_000);
}

#[test]
fn more_mutated_mails_are_read_within_bounds() {
    check(10_000..20_000);
}

/// `cargo test --release -p postrider-mail --test hostile -- --ignored`; a part of them with `POSTRIDER_MAILS=200000..300000`.
#[test]
#[ignore = "takes minutes: run it when the reader changes"]
#[expect(clippy::disallowed_methods, reason = "asked for by hand")]
fn a_million_mutated_mails_are_read_within_bounds() {
    let asked = std::env::var("POSTRIDER_MAILS").unwrap_or_else(|_unset| "0..1000000".to_owned());
    let (from, to) = asked.split_once("..").unwrap();
    check(from.parse().unwrap()..to.parse().unwrap());
}
