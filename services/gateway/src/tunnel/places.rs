//! How many tunnels may be open: each holds two sockets and their buffers, so neither one address nor all of them
//! together may open them without end.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use parking_lot::Mutex;

/// Most tunnels of one gateway process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// `SOCKETIO_TUNNELS`.
    pub all: NonZeroUsize,
    /// `SOCKETIO_TUNNELS_PER_ADDRESS`.
    pub per_address: NonZeroUsize,
}

/// Open files that are not for tunnels: requests, connections to services.
const OTHER_FILES: u64 = 1_000;

impl Most {
    /// As many as there may be files for, two each: what fails for want of a file is not only a tunnel.
    pub fn within(self, open_files: Option<u64>) -> Self {
        let files = |most: u64| most.saturating_sub(OTHER_FILES.min(most / 4)) / 2;
        let most = open_files.and_then(|most| NonZeroUsize::new(usize::try_from(files(most)).ok()?));
        Self { all: most.map_or(self.all, |most| most.min(self.all)), ..self }
    }
}

/// Why no tunnel may be opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    #[error("too many tunnels are open")]
    Process,
    #[error("too many tunnels are open from the client's address")]
    Address,
}

/// The open tunnels by client address. Clones share them.
#[derive(Debug, Clone)]
pub struct Places {
    open: Arc<Mutex<Open>>,
    most: Most,
}

#[derive(Debug, Default)]
struct Open {
    by_address: HashMap<IpAddr, usize>,
    all: usize,
}

/// A place of one tunnel, given back when dropped.
#[derive(Debug)]
pub struct Place {
    open: Arc<Mutex<Open>>,
    address: IpAddr,
}

impl Places {
    pub fn new(most: Most) -> Self {
        Self { open: Arc::default(), most }
    }

    /// A place for a tunnel from this address (or network).
    ///
    /// # Errors
    /// There is none left.
    pub fn take(&self, address: IpAddr) -> Result<Place, Full> {
        let mut open = self.open.lock();
        if open.all >= self.most.all.get() {
            return Err(Full::Process);
        }
        if open.by_address.get(&address).is_some_and(|count| *count >= self.most.per_address.get()) {
            return Err(Full::Address);
        }
        *open.by_address.entry(address).or_default() += 1;
        open.all += 1;
        Ok(Place { open: self.open.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        open.all = open.all.saturating_sub(1);
        let left = open.by_address.get_mut(&self.address).map(|count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == Some(0) {
            open.by_address.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(all: usize, per_address: usize) -> Places {
        let [all, per_address] = [all, per_address].map(|most| NonZeroUsize::new(most).unwrap());
        Places::new(Most { all, per_address })
    }

    #[test]
    fn an_address_has_so_many_places_and_gets_them_back() {
        let (places, ann, bob) = (places(100, 2), IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let first = places.take(ann).unwrap();
        let _second = places.take(ann).unwrap();
        assert_eq!(places.take(ann).unwrap_err(), Full::Address);
        let _other = places.take(bob).unwrap();
        drop(first);
        let third = places.take(ann).unwrap();
        drop(third);
        assert_eq!(places.open.lock().all, 2);
    }

    #[test]
    fn there_are_no_more_than_files_for_them() {
        let most = |open_files| places(20_000, 1_000).most.within(open_files).all.get();
        let limits = [None, Some(u64::MAX), Some(41_000), Some(20_000), Some(1_024), Some(0)];
        assert_eq!(limits.map(most), [20_000, 20_000, 20_000, 9_500, 384, 20_000]);
    }

    #[test]
    fn all_addresses_together_have_an_end() {
        let places = places(50, 51);
        let all: Vec<_> = (0..50).map(|_| places.take([10, 0, 0, 1].into()).unwrap()).collect();
        assert_eq!(places.take([10, 0, 0, 2].into()).unwrap_err(), Full::Process);
        drop(all);
        assert!(places.open.lock().by_address.is_empty());
    }
}
