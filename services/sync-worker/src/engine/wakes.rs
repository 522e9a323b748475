//! Local short cuts: a mark made in this process is seen at once and not at the next scan.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use postrider_domain::ConnectorId;
use tokio::sync::Notify;

/// Who waits for marks.
#[derive(Debug, Default)]
pub struct Wakes {
    scan: Arc<Notify>,
    erase: Arc<Notify>,
    busy: Mutex<HashMap<ConnectorId, Arc<Notify>>>,
}

impl Wakes {
    /// Mailboxes were marked: those in work here look at their row, the others are found by a scan now.
    pub fn marked(&self, connectors: &[ConnectorId]) {
        let busy = self.busy.lock();
        let mut scan = false;
        for connector in connectors {
            match busy.get(connector) {
                Some(notify) => notify.notify_one(),
                None => scan = true,
            }
        }
        if scan {
            self.scan.notify_one();
        }
    }

    /// Told when a scan is worth while.
    pub fn scan(&self) -> Arc<Notify> {
        self.scan.clone()
    }

    /// Told when an erasure was asked for.
    pub fn erase(&self) -> Arc<Notify> {
        self.erase.clone()
    }

    /// Puts a mailbox on the list of those in work, until the guard is dropped.
    pub fn busy(self: &Wakes, connector: ConnectorId) -> (Arc<Notify>, Busy<'_>) {
        let notify = Arc::new(Notify::new());
        self.busy.lock().insert(connector, notify.clone());
        (notify, Busy { wakes: self, connector })
    }

    /// Mailboxes in work here.
    pub fn in_work(&self) -> Vec<ConnectorId> {
        self.busy.lock().keys().copied().collect()
    }
}

/// Takes the mailbox off the list.
pub struct Busy<'a> {
    wakes: &'a Wakes,
    connector: ConnectorId,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.wakes.busy.lock().remove(&self.connector);
        // A mark that came in the last moment is for the scan.
        self.wakes.scan.notify_one();
    }
}
