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
    /// Bodies of untold length grow with what is free. Where nothing is, one of them at a time is read to its end beyond
    /// the budget: two that waited for more could each wait for what the other holds.
    outgrown: Arc<Semaphore>,
}

/// The weight of one body.
#[derive(Debug)]
pub(super) struct Weight {
    units: Option<OwnedSemaphorePermit>,
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
        Weight { units: permit, _outgrown: None, covers }
    }

    /// Makes sure that `weight` covers `bytes`, for bodies of untold length. Waits only where nothing is free and
    /// another body has outgrown the budget already.
    pub(super) async fn grow(&self, weight: &mut Weight, bytes: usize) {
        while bytes > weight.covers {
            let held = weight.covers / UNIT;
            // One that takes all there is, is alone: nothing more can be asked for.
            let step = u32::try_from((UNKNOWN / UNIT).min(self.total.saturating_sub(held))).unwrap_or(u32::MAX);
            let more = if step == 0 { None } else { self.units.clone().try_acquire_many_owned(step).ok() };
            match (more, &mut weight.units) {
                (Some(more), Some(units)) => {
                    units.merge(more);
                    weight.covers += step as usize * UNIT;
                }
                _nothing_free => {
                    weight._outgrown = self.outgrown.clone().acquire_owned().await.ok();
                    weight.covers = usize::MAX;
                }
            }
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
    async fn bodies_of_untold_length_grow_beside_each_other_and_are_counted() {
        let budget = ByteBudget::new(16 * 1024 * 1024);
        let (mut one, mut two) = (budget.take(None).await, budget.take(None).await);
        for weight in [&mut one, &mut two] {
            let grown = futures_util::FutureExt::now_or_never(budget.grow(weight, 4 * UNKNOWN + 1));
            assert!(grown.is_some(), "there is room for both");
        }
        assert_eq!(budget.free(), 6 * 1024, "each holds 5 MiB");
        drop((one, two));
        assert_eq!(budget.free(), 16 * 1024);
    }

    #[tokio::test]
    async fn where_nothing_is_free_one_body_at_a_time_outgrows_the_budget() {
        let budget = ByteBudget::new(3 * 1024 * 1024);
        let (mut one, mut two) = (budget.take(None).await, budget.take(None).await);
        budget.grow(&mut one, 2 * UNKNOWN).await;
        budget.grow(&mut one, 40 * UNKNOWN).await;
        assert!(futures_util::FutureExt::now_or_never(budget.grow(&mut two, UNKNOWN + 1)).is_none());
        drop(one);
        budget.grow(&mut two, UNKNOWN + 1).await;
        drop(two);
        // Alone it takes all and goes on.
        let mut alone = budget.take(None).await;
        budget.grow(&mut alone, 40 * UNKNOWN).await;
        assert_eq!(budget.free(), 0);
    }
}
