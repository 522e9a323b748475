//! Every event there is, so that docs, topology and tests speak of the same list.

use crate::event::ALL;

/// An event type and its only producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventType {
    /// `email.received.v1`.
    pub name: &'static str,
    /// `sync-worker`.
    pub source: &'static str,
}

/// The catalogue, in the order of `proto/`.
pub static CATALOG: std::sync::LazyLock<Vec<EventType>> =
    std::sync::LazyLock::new(|| ALL.iter().map(|(name, source)| EventType { name, source }).collect());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_versioned() {
        let mut names: Vec<_> = CATALOG.iter().map(|event| event.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), CATALOG.len());
        assert!(names.iter().all(|name| name.rsplit_once(".v").is_some_and(|(_, v)| v.parse::<u8>().is_ok())));
    }
}
