//! The simulated world: mailboxes by address, the clock, and the notifications that wait to be pushed.

pub mod actions;
pub mod calls;
mod drafts;
mod oddities;
pub mod truth;
pub mod watch;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use chrono::TimeDelta;
use postrider_domain::{Clock, EmailAddress, Timestamp};

pub use actions::Deliver;
pub use calls::{Found, Profile};
pub use drafts::SavedDraft;
pub use oddities::Visibility;
pub use truth::Truth;
pub use watch::{Excess, Notification, WatchAnswer, WatchRequest};

pub use crate::mailbox::{
    Gap, Gaps, HistoryChange, HistoryPage, HistoryQuery, HistoryRecord, Lag, LagScope, ListQuery, MessagePage, Quirks,
};

use crate::content::Sizes;
use crate::dice::{Dice, seed_of};
use crate::faults::Faults;
use crate::mailbox::Mailbox;

/// Why an action on the world is impossible. Gmail's own errors are [`crate::ApiError`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SimError {
    #[error("no mailbox {0}")]
    UnknownMailbox(String),
    #[error("the mailbox has no message {0}")]
    UnknownMessage(String),
    #[error("the mailbox has no label {0}")]
    UnknownLabel(String),
    #[error("the mailbox has no draft {0}")]
    UnknownDraft(String),
    #[error("a mailbox {0} exists already")]
    Exists(String),
    #[error("not an address: {0}")]
    BadAddress(String),
}

/// A Google account with a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Account {
    /// Primary address as it was given.
    pub address: String,
    /// Stable account id, the `sub` of an id_token.
    pub sub: String,
}

/// What a new mailbox is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxSpec {
    /// Primary address.
    pub address: String,
    /// Number of synthetic messages.
    pub size: u32,
    /// Seed of its content; by default from the world's seed and the address.
    pub seed: Option<u64>,
    /// Account id; by default 21 digits from the seed.
    pub sub: Option<String>,
    /// How large its mails are.
    pub sizes: Sizes,
}

impl MailboxSpec {
    /// A mailbox with `size` synthetic messages of realistic sizes.
    pub fn new(address: impl Into<String>, size: u32) -> Self {
        Self { address: address.into(), size, seed: None, sub: None, sizes: Sizes::Realistic }
    }
}

type Wake = Arc<dyn Fn() + Send + Sync>;

struct Inner {
    seed: u64,
    clock: Arc<dyn Clock>,
    /// Milliseconds the world's clock is ahead of `clock`.
    offset: AtomicI64,
    boxes: RwLock<BTreeMap<String, Arc<Mutex<Mailbox>>>>,
    outbox: Mutex<watch::Outbox>,
    wake: Mutex<Option<Wake>>,
    faults: Mutex<Faults>,
}

/// Many mailboxes. A clone is another handle on the same world; every method may be called from any thread.
#[derive(Clone)]
pub struct World(Arc<Inner>);

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("seed", &self.0.seed).finish_non_exhaustive()
    }
}

impl World {
    /// An empty world. The same seed, clock readings and calls in the same order give the same world again.
    pub fn new(seed: u64, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            seed,
            clock,
            offset: AtomicI64::new(0),
            boxes: RwLock::default(),
            outbox: Mutex::new(watch::Outbox::new(seed)),
            wake: Mutex::default(),
            faults: Mutex::default(),
        }))
    }

    /// The world's time: the clock passed in plus all [`Self::advance`]s.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now() + TimeDelta::milliseconds(self.0.offset.load(Ordering::Relaxed))
    }

    /// Moves the world's time forward.
    pub fn advance(&self, by: TimeDelta) {
        self.0.offset.fetch_add(by.num_milliseconds(), Ordering::Relaxed);
        self.wake();
    }

    /// Creates an account with a mailbox.
    pub fn create_mailbox(&self, spec: &MailboxSpec) -> Result<Account, SimError> {
        let key = key_of(&spec.address)?;
        let seed = spec.seed.unwrap_or_else(|| self.0.seed ^ seed_of(&key));
        // Who it is follows from the address: two mailboxes filled from one seed are still two accounts.
        let digits = Dice::derive(self.0.seed ^ seed_of(&key), 3).below(10_u64.pow(18));
        let mut dice = Dice::derive(seed, 1);
        let sub = spec.sub.clone().unwrap_or_else(|| format!("1{digits:020}"));
        let mut mailbox = Mailbox::empty(&spec.address, &sub, seed, dice.between(2_000_000, 3_000_000));
        let (now, faults) = (self.now(), self.faults());
        (mailbox.sizes, mailbox.lag) = (spec.sizes, faults.lag());
        mailbox.fill(spec.size, now);
        mailbox.set_quirks(faults.quirks(), now);
        let mut boxes = self.0.boxes.write().unwrap_or_else(PoisonError::into_inner);
        if boxes.contains_key(&key) {
            return Err(SimError::Exists(spec.address.clone()));
        }
        boxes.insert(key, Arc::new(Mutex::new(mailbox)));
        Ok(Account { address: spec.address.clone(), sub })
    }

    /// All accounts, by address.
    pub fn accounts(&self) -> Vec<Account> {
        let boxes: Vec<_> = self.0.boxes.read().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        boxes.iter().map(|mailbox| account_of(&lock(mailbox))).collect()
    }

    /// The account with this address, compared as Google does for look-ups: lower case.
    pub fn account(&self, address: &str) -> Option<Account> {
        self.with(address, |mailbox| account_of(mailbox)).ok()
    }

    /// Called after every change that may give a notification or free one. Replaces an earlier one; must not block.
    pub fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        *self.0.wake.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(wake));
    }

    pub(crate) fn wake(&self) {
        let wake = self.0.wake.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(wake) = wake {
            wake();
        }
    }

    /// Runs `act` with the mailbox locked.
    pub(crate) fn with<T>(&self, address: &str, act: impl FnOnce(&mut Mailbox) -> T) -> Result<T, SimError> {
        let key = address.trim().to_lowercase();
        let mailbox = self.0.boxes.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let mailbox = mailbox.ok_or_else(|| SimError::UnknownMailbox(address.to_owned()))?;
        let mut mailbox = lock(&mailbox);
        mailbox.come_back(self.now());
        Ok(act(&mut mailbox))
    }

    pub(crate) fn outbox(&self) -> MutexGuard<'_, watch::Outbox> {
        self.0.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock(mailbox: &Mutex<Mailbox>) -> MutexGuard<'_, Mailbox> {
    mailbox.lock().unwrap_or_else(PoisonError::into_inner)
}

fn account_of(mailbox: &Mailbox) -> Account {
    Account { address: mailbox.address.to_string(), sub: mailbox.sub.clone() }
}

fn key_of(address: &str) -> Result<String, SimError> {
    let parsed = EmailAddress::parse(address).map_err(|_bad| SimError::BadAddress(address.to_owned()))?;
    Ok(parsed.as_str().to_lowercase())
}
