//! Seeded randomness of the simulator: SplitMix64, small enough to keep one for each mailbox and each mail.

/// A stream of pseudo-random numbers that is fully given by its seed. Never used for secrets.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Starts a stream.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream for one thing (a mailbox, the n-th mail) below a seed.
    pub fn derive(seed: u64, part: u64) -> Self {
        Self(mix(seed ^ mix(part.wrapping_add(0x9e37_79b9_7f4a_7c15))))
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number in `0..limit`; 0 when the limit is 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        // Multiply-shift: unbiased enough for a simulator and without a division.
        u64::try_from((u128::from(self.bits()) * u128::from(limit)) >> 64).unwrap_or(0)
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True with the given probability in `0.0..=1.0`.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    /// A number in `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.bits() >> 32).unwrap_or(0);
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }

    /// One of the given values; the default when there is none.
    pub fn pick<T: Copy + Default>(&mut self, from: &[T]) -> T {
        let at = usize::try_from(self.below(from.len() as u64)).unwrap_or(0);
        from.get(at).copied().unwrap_or_default()
    }
}

/// The seed a text stands for (FNV-1a, then mixed).
pub fn seed_of(text: &str) -> u64 {
    let hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    mix(hash)
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_seed_same_stream_and_bounds_hold() {
        let (mut a, mut b) = (Dice::derive(7, 1), Dice::derive(7, 1));
        for _ in 0..1_000 {
            let n = a.between(3, 9);
            assert_eq!(n, b.between(3, 9));
            assert!((3..=9).contains(&n));
        }
        assert_ne!(Dice::derive(7, 1).bits(), Dice::derive(7, 2).bits());
        assert_eq!(Dice::new(1).below(0), 0);
    }
}
