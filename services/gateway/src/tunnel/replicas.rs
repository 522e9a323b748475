//! The Socket.IO listeners behind the gateway (`SOCKETIO_URL`, one or several). A name may stand for several of them, as a
//! headless Service of Kubernetes does: each of its addresses is a listener, and the name is read again and again, so
//! that replicas may come and go.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use parking_lot::Mutex;
use postrider_runtime::Context;
use tokio::time::Instant;
use url::Url;

use crate::rules::sticky;

/// How often names are read again.
const EVERY: Duration = Duration::from_secs(5);
/// How soon once more for a session whose replica is not known: another gateway may have seen it first.
const AGAIN: Duration = Duration::from_secs(1);
/// Longest one reading may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replica {
    /// Marks the sessions it made.
    pub tag: String,
    pub host: String,
    pub port: u16,
}

/// Reads a name.
type Lookup = Arc<dyn Fn(String, u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// All of them. New sessions take turns.
pub struct Replicas {
    /// What the setting names.
    named: Vec<(String, u16)>,
    /// What each of these stands for, as it was last read.
    known: Mutex<Vec<Vec<Replica>>>,
    read_at: Mutex<Option<Instant>>,
    lookup: Lookup,
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

/// Names of `SOCKETIO_URL` that could not be read; what was known of them stays.
#[derive(Debug, thiserror::Error)]
#[error("names of SOCKETIO_URL without an address: {}", .0.join(", "))]
pub struct Unread(Vec<String>);

impl Replicas {
    /// The listeners at these URLs, their names read once and from then on again and again.
    pub async fn followed(urls: &[Url], cx: &Context) -> Arc<Self> {
        let replicas = Arc::new(Self::new(urls, Arc::new(|host, port| lookup(host, port).boxed())));
        // The first time here, so that no session is marked by a name that its address replaces at once.
        let _told_by_the_task = replicas.read().await;
        if replicas.has_names() {
            let again = replicas.clone();
            cx.tasks.every("job.read_replicas", EVERY, &cx.shutdown, move || {
                let again = again.clone();
                async move { again.read().await }
            });
        }
        replicas
    }

    fn new(urls: &[Url], lookup: Lookup) -> Self {
        let named: Vec<_> = urls.iter().map(named).collect();
        let known = named.iter().map(|(host, port)| vec![Replica::at(host, *port)]).collect();
        Self { named, known: Mutex::new(known), read_at: Mutex::new(None), lookup, next: AtomicUsize::new(0) }
    }

    /// Session ids need a tag only when there is a choice, or may be one later.
    pub fn has_choice(&self) -> bool {
        self.named.len() > 1 || self.has_names()
    }

    /// The replicas to try in order: the one that made the session, or for a new session all of them, each first in turn.
    ///
    /// # Errors
    /// The tag belongs to no replica: the client gets "unknown session" and opens a new one.
    pub async fn for_session(&self, tag: Option<&str>) -> Result<Vec<Replica>, NoReplica> {
        let found = self.among_known(tag);
        let recent = || self.read_at.lock().is_some_and(|at| at.elapsed() < AGAIN);
        if found != Err(NoReplica::Gone) || !self.has_names() || recent() {
            return found;
        }
        let _told_by_the_task = self.read().await;
        self.among_known(tag)
    }

    fn among_known(&self, tag: Option<&str>) -> Result<Vec<Replica>, NoReplica> {
        let mut all: Vec<Replica> = self.known.lock().iter().flatten().cloned().collect();
        if all.is_empty() {
            return Err(NoReplica::None);
        }
        match tag {
            Some(tag) => {
                let one = all.into_iter().find(|replica| replica.tag == tag).ok_or(NoReplica::Gone)?;
                Ok(vec![one])
            }
            None => {
                let first = self.next.fetch_add(1, Ordering::Relaxed) % all.len();
                all.rotate_left(first);
                Ok(all)
            }
        }
    }

    fn has_names(&self) -> bool {
        self.named.iter().any(|(host, _)| host.parse::<IpAddr>().is_err())
    }

    /// Reads every name. One that cannot be read keeps what it stood for.
    async fn read(&self) -> Result<(), Unread> {
        *self.read_at.lock() = Some(Instant::now());
        let reading = self.named.iter().map(|(host, port)| async move {
            match host.parse::<IpAddr>() {
                Ok(_address) => Some(vec![Replica::at(host, *port)]),
                Err(_name) => {
                    let read = tokio::time::timeout(PATIENCE, (self.lookup)(host.clone(), *port)).await;
                    read.ok().and_then(Result::ok).map(addresses).filter(|found| !found.is_empty())
                }
            }
        });
        let read = join_all(reading).await;
        let mut unread = Vec::new();
        for ((place, found), (host, _)) in self.known.lock().iter_mut().zip(read).zip(&self.named) {
            match found {
                Some(found) => *place = found,
                None => unread.push(host.clone()),
            }
        }
        if unread.is_empty() { Ok(()) } else { Err(Unread(unread)) }
    }
}

impl std::fmt::Debug for Replicas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Replicas").field("named", &self.named).field("known", &self.known).finish_non_exhaustive()
    }
}

impl Replica {
    fn at(host: &str, port: u16) -> Self {
        Self { tag: sticky::tag(&format!("{host}:{port}")), host: host.to_owned(), port }
    }
}

fn named(url: &Url) -> (String, u16) {
    let host = url.host_str().unwrap_or("localhost").trim_start_matches('[').trim_end_matches(']').to_owned();
    (host, url.port_or_known_default().unwrap_or(80))
}

/// The listeners of a name, in an order of their own. A listener with addresses of both families is one listener, so one
/// family counts: IPv4 where there is any.
fn addresses(mut found: Vec<SocketAddr>) -> Vec<Replica> {
    if found.iter().any(SocketAddr::is_ipv4) {
        found.retain(SocketAddr::is_ipv4);
    }
    found.sort();
    found.dedup();
    found.iter().map(|address| Replica::at(&address.ip().to_string(), address.port())).collect()
}

async fn lookup(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((host.as_str(), port)).await?.collect())
}

#[cfg(test)]
#[path = "replicas/tests.rs"]
mod tests;
