//! Counts of calls, for tests that check how much a client asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Method;
use crate::error::ApiError;

/// Counts of one method.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MethodStats {
    pub calls: u64,
    /// Units of admitted calls.
    pub units: u64,
    /// Answers by status that were not 2xx.
    pub errors: BTreeMap<u16, u64>,
}

/// Counts of the whole simulator.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    pub calls: u64,
    pub units: u64,
    /// By Google's method name.
    pub methods: BTreeMap<String, MethodStats>,
    /// Units by account.
    pub account_units: BTreeMap<String, u64>,
    /// The most calls that ran at the same time, by account.
    pub max_concurrency: BTreeMap<String, u32>,
}

impl Stats {
    pub(super) fn count(&mut self, account: &str, method: Method, units: u32, running: u32, error: Option<&ApiError>) {
        self.calls += 1;
        self.units += u64::from(units);
        let one = entry(&mut self.methods, method.name());
        one.calls += 1;
        one.units += u64::from(units);
        if let Some(error) = error {
            *one.errors.entry(error.status).or_default() += 1;
        }
        *entry(&mut self.account_units, account) += u64::from(units);
        let most = entry(&mut self.max_concurrency, account);
        *most = running.max(*most);
    }

    pub(super) fn failed(&mut self, method: Method, error: &ApiError) {
        *entry(&mut self.methods, method.name()).errors.entry(error.status).or_default() += 1;
    }
}

fn entry<'a, T: Default>(map: &'a mut BTreeMap<String, T>, name: &str) -> &'a mut T {
    map.entry(name.to_owned()).or_default()
}
