//! The end of what lives long (tunnels, event streams) at the soft stop: one after the other, so that the clients of one
//! gateway do not knock at the next one all in the same instant.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use postrider_domain::Entropy;
use postrider_runtime::Shutdown;

/// Time for each of them: a gateway with few stops soon, one with many takes the whole window.
const PACE: Duration = Duration::from_millis(20);

/// Who leaves when. Clones share it.
#[derive(Debug, Clone)]
pub struct Drain(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shutdown: Shutdown,
    window: Duration,
    entropy: Arc<dyn Entropy>,
    staying: AtomicU32,
}

/// One that stays until its turn.
#[derive(Debug)]
pub struct Stay(Arc<Inner>);

impl Drain {
    /// All leave within `window` of the soft stop.
    pub fn new(shutdown: Shutdown, window: Duration, entropy: Arc<dyn Entropy>) -> Self {
        Self(Arc::new(Inner { shutdown, window, entropy, staying: AtomicU32::new(0) }))
    }

    /// Counts one more that stays, as long as the value lives.
    pub fn stay(&self) -> Stay {
        self.0.staying.fetch_add(1, Ordering::Relaxed);
        Stay(self.0.clone())
    }
}

impl Stay {
    /// Returns when it is this one's turn to leave: at a random moment of the window, or at once at the hard stop.
    pub async fn turn(self) {
        let inner = self.0.as_ref();
        inner.shutdown.soft.cancelled().await;
        tokio::select! {
            () = tokio::time::sleep(inner.wait()) => {}
            () = inner.shutdown.hard.cancelled() => {}
        }
    }
}

impl Inner {
    /// How long one of those that stay now waits: they spread evenly over the window, or over the time their number needs.
    fn wait(&self) -> Duration {
        let window = PACE.saturating_mul(self.staying.load(Ordering::Relaxed)).min(self.window);
        window.mul_f64(self.entropy.unit())
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        self.0.staying.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;
    use postrider_domain::Seams;
    use tokio::time::timeout;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(20);

    fn drain(shutdown: &Shutdown, window: Duration) -> Drain {
        Drain::new(shutdown.clone(), window, Seams::system().entropy)
    }

    #[test]
    fn turns_lie_all_over_the_window_and_few_are_soon_done() {
        let drain = drain(&Shutdown::default(), WINDOW);
        let many: Vec<_> = (0..5_000).map(|_| drain.stay()).collect();
        let waits: Vec<_> = many.iter().map(|stay| stay.0.wait()).collect();
        for part in 1..=4_u32 {
            let until = WINDOW * part / 4;
            let left = waits.iter().filter(|wait| **wait <= until).count();
            // Thirteen times what chance would be off by.
            assert!(left.abs_diff(many.len() * usize::try_from(part).unwrap() / 4) < 400, "{left} within {until:?}");
        }
        drop(many);
        let few: Vec<_> = (0..5).map(|_| drain.stay()).collect();
        assert!(few.iter().all(|stay| stay.0.wait() <= PACE * 5));
        drop(few);
        assert_eq!(drain.0.staying.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_turn_comes_at_the_soft_stop_and_the_hard_one_waits_for_none() {
        let shutdown = Shutdown::default();
        let drain = drain(&shutdown, Duration::from_secs(3_600));
        let mut all: Vec<_> = (0..100_000).map(|_| drain.stay()).collect();
        let mut turns = Box::pin(join_all(all.split_off(99_900).into_iter().map(Stay::turn)));
        assert!(timeout(Duration::from_millis(20), &mut turns).await.is_err());
        shutdown.stop_softly();
        // About 2,000 s for all of them: that all hundred are among the first ones is out of the question.
        assert!(timeout(Duration::from_millis(50), &mut turns).await.is_err());
        shutdown.stop_hard();
        timeout(Duration::from_secs(10), turns).await.unwrap();
    }
}
