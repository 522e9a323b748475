//! The Socket.IO listeners behind the gateway (`SOCKETIO_URL`, one or several).

use std::sync::atomic::{AtomicUsize, Ordering};

use url::Url;

use crate::rules::sticky;

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Marks the sessions it made.
    pub tag: String,
    pub host: String,
    pub port: u16,
}

/// All of them. New sessions take turns.
#[derive(Debug)]
pub struct Replicas {
    all: Vec<Replica>,
    next: AtomicUsize,
}

/// Why a request has no replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoReplica {
    #[error("no Socket.IO listener is configured")]
    None,
    #[error("the session's replica is not known (any more)")]
    Gone,
}

impl Replicas {
    /// The listeners at these URLs.
    pub fn new(urls: &[Url]) -> Self {
        let replica = |url: &Url| {
            let host = url.host_str().unwrap_or("localhost").trim_start_matches('[').trim_end_matches(']').to_owned();
            let port = url.port_or_known_default().unwrap_or(80);
            Replica { tag: sticky::tag(&format!("{host}:{port}")), host, port }
        };
        Self { all: urls.iter().map(replica).collect(), next: AtomicUsize::new(0) }
    }

    /// Session ids need a tag only when there is a choice.
    pub fn has_choice(&self) -> bool {
        self.all.len() > 1
    }

    /// The replicas to try in order: the one that made the session, or for a new session all of them, each first in turn.
    ///
    /// # Errors
    /// The tag belongs to no replica: the client gets "unknown session" and opens a new one.
    pub fn for_session(&self, tag: Option<&str>) -> Result<Vec<&Replica>, NoReplica> {
        if self.all.is_empty() {
            return Err(NoReplica::None);
        }
        match tag {
            Some(tag) => {
                let one = self.all.iter().find(|replica| replica.tag == tag).ok_or(NoReplica::Gone)?;
                Ok(vec![one])
            }
            None => {
                let first = self.next.fetch_add(1, Ordering::Relaxed) % self.all.len();
                Ok(self.all.iter().cycle().skip(first).take(self.all.len()).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replicas() -> Replicas {
        Replicas::new(&["http://n1:8013/", "http://n2:8013/"].map(|url| Url::parse(url).unwrap()))
    }

    #[test]
    fn new_sessions_take_turns_and_old_ones_stay() {
        let replicas = replicas();
        let hosts: Vec<_> = (0..4).map(|_| replicas.for_session(None).unwrap()[0].host.clone()).collect();
        assert_eq!(hosts, ["n1", "n2", "n1", "n2"]);
        let tag = sticky::tag("n2:8013");
        for _ in 0..3 {
            assert_eq!(replicas.for_session(Some(&tag)).unwrap()[0].host, "n2");
        }
        assert_eq!(replicas.for_session(Some("gone")), Err(NoReplica::Gone));
    }

    #[test]
    fn a_new_session_may_fall_back_to_the_others() {
        assert_eq!(replicas().for_session(None).unwrap().len(), 2);
        assert_eq!(Replicas::new(&[]).for_session(None), Err(NoReplica::None));
    }
}
