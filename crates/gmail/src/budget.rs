//! The memory that bodies of mails may take in one process. A body's weight is taken before it is read and given back
//! when the last reference to it is dropped.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The semaphore counts KiB: its permits are 32 bits wide.
const UNIT: usize = 1024;
/// Taken at first for a body whose length is not told.
const UNKNOWN: usize = 1024 * 1024;

/// The byte semaphore. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct ByteBudget {
    units: Arc<Semaphore>,
    total: usize,
    /// Bodies of untold length that outgrow their first weight are read one at a time: two of them growing step by
    /// step could each wait for what the other holds.
    outgrown: Arc<Semaphore>,
}

/// The weight of one body.
#[derive(Debug)]
pub(super) struct Weight {
    _units: Option<OwnedSemaphorePermit>,
    _outgrown: Option<OwnedSemaphorePermit>,
    covers: usize,
}

impl ByteBudget {
    pub(super) fn new(bytes: usize) -> Self {
        let total = bytes.div_ceil(UNIT).clamp(UNKNOWN / UNIT, Semaphore::MAX_PERMITS.min(usize::MAX >> 32));
        Self { units: Arc::new(Semaphore::new(total)), total, outgrown: Arc::new(Semaphore::new(1)) }
    }

    /// Waits for the weight of a body. A body larger than the whole budget takes all of it, and is then alone.
    pub(super) async fn take(&self, content_length: Option<usize>) -> Weight {
        let bytes = content_length.unwrap_or(UNKNOWN);
        let units = u32::try_from(bytes.div_ceil(UNIT).clamp(1, self.total)).unwrap_or(u32::MAX);
        // The semaphore is never closed; without a permit the body would only be read unweighed.
        let permit = self.units.clone().acquire_many_owned(units).await.ok();
        let covers = if content_length.is_some() { usize::MAX } else { bytes };
        Weight { _units: permit, _outgrown: None, covers }
    }

    /// Makes sure that `weight` covers `bytes`, for bodies of untold length.
    pub(super) async fn grow(&self, weight: &mut Weight, bytes: usize) {
        if bytes > weight.covers {
            weight._outgrown = self.outgrown.clone().acquire_owned().await.ok();
            weight.covers = usize::MAX;
        }
    }

    /// KiB nobody holds.
    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.units.available_permits()
    }
}

impl Weight {
    /// Ties the weight to the bytes it was taken for.
    pub(super) fn hold(self, bytes: Vec<u8>) -> Bytes {
        Bytes::from_owner(Weighed { bytes, _weight: self })
    }
}

struct Weighed {
    bytes: Vec<u8>,
    _weight: Weight,
}

impl AsRef<[u8]> for Weighed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn weight_comes_back_when_the_last_clone_is_dropped() {
        let budget = ByteBudget::new(4 * 1024 * 1024);
        let body = budget.take(Some(3 * 1024 * 1024)).await.hold(vec![1, 2, 3]);
        let slice = body.slice(1..);
        drop(body);
        assert_eq!(budget.free(), 1024);
        drop(slice);
        assert_eq!(budget.free(), 4096);
    }

    #[tokio::test]
    async fn a_body_above_the_budget_is_read_alone() {
        let budget = ByteBudget::new(2 * 1024 * 1024);
        let big = budget.take(Some(50 * 1024 * 1024)).await;
        assert!(futures_util::FutureExt::now_or_never(budget.take(Some(10))).is_none());
        drop(big);
        budget.take(Some(10)).await;
    }

    #[tokio::test]
    async fn only_one_body_of_untold_length_outgrows_its_first_weight() {
        let budget = ByteBudget::new(16 * 1024 * 1024);
        let (mut one, mut two) = (budget.take(None).await, budget.take(None).await);
        budget.grow(&mut one, UNKNOWN).await;
        budget.grow(&mut one, UNKNOWN + 1).await;
        assert!(futures_util::FutureExt::now_or_never(budget.grow(&mut two, UNKNOWN + 1)).is_none());
        drop(one);
        budget.grow(&mut two, UNKNOWN + 1).await;
    }
}
