//! Percentiles of a handful of thousand samples.

/// Sorted samples in milliseconds.
#[derive(Debug, Default)]
pub struct Samples(Vec<f64>);

impl Samples {
    pub fn push(&mut self, milliseconds: f64) {
        let at = self.0.partition_point(|known| *known < milliseconds);
        self.0.insert(at, milliseconds);
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value below which `percent` of the samples lie; NaN without samples.
    pub fn at(&self, percent: usize) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last * percent).div_ceil(100).min(last)).copied().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranks() {
        let mut samples = Samples::default();
        for n in (1..=100).rev() {
            samples.push(f64::from(n));
        }
        assert_eq!((samples.at(0), samples.at(50), samples.at(99), samples.at(100)), (1.0, 51.0, 100.0, 100.0));
        assert!(Samples::default().at(50).is_nan());
    }
}
