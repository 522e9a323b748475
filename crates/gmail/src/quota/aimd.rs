//! How many calls of one mailbox may run at once. Google does not publish the limit and shares it among all programs
//! of the user, so it is felt for: up by one for each round of good answers, halved on a refusal.

/// Additive increase, multiplicative decrease.
#[derive(Debug, Clone)]
pub struct Aimd {
    limit: f64,
    cap: f64,
}

impl Aimd {
    /// Field reports: five are safe.
    pub const START: u32 = 5;
    /// Ten mostly work, fifty do not.
    pub const DEFAULT_CAP: u32 = 20;

    /// Starts from [`Self::START`], never above `cap`, never below 1.
    pub fn new(cap: u32) -> Self {
        let cap = f64::from(cap.max(1));
        Self { limit: f64::from(Self::START).min(cap), cap }
    }

    /// Goes on from what was felt before, within the cap.
    pub fn resume(&mut self, limit: u32) {
        self.limit = f64::from(limit.max(1)).min(self.cap);
    }

    /// Calls that may run at once.
    pub fn limit(&self) -> u32 {
        // Between 1 and cap by construction; steps of one instead of a cast.
        (1..=1_000).take_while(|step| f64::from(*step) <= self.limit).last().unwrap_or(1)
    }

    /// A call succeeded while `in_flight` ran. Raises the limit only if it was in use: idle success proves nothing.
    pub fn succeeded(&mut self, in_flight: u32) {
        if f64::from(in_flight) + 1.0 >= self.limit {
            self.limit = (self.limit + 1.0 / self.limit).min(self.cap);
        }
    }

    /// Google refused a call for too many at once.
    pub fn refused(&mut self) {
        self.limit = (self.limit / 2.0).max(1.0);
    }
}

impl Default for Aimd {
    fn default() -> Self {
        Self::new(Self::DEFAULT_CAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rises_by_one_a_round_and_halves_on_refusal() {
        let mut aimd = Aimd::new(8);
        assert_eq!(aimd.limit(), 5);
        for _ in 0..6 {
            aimd.succeeded(5);
        }
        assert_eq!(aimd.limit(), 6);
        aimd.resume(0);
        assert_eq!(aimd.limit(), 1);
        aimd.resume(100);
        assert_eq!(aimd.limit(), 8);
        aimd.resume(6);
        aimd.refused();
        assert_eq!(aimd.limit(), 3);
        for _ in 0..5 {
            aimd.refused();
        }
        assert_eq!(aimd.limit(), 1);
        for _ in 0..1_000 {
            aimd.succeeded(8);
        }
        assert_eq!(aimd.limit(), 8);
    }

    #[test]
    fn success_without_load_proves_nothing() {
        let mut aimd = Aimd::new(20);
        for _ in 0..1_000 {
            aimd.succeeded(1);
        }
        assert_eq!(aimd.limit(), 5);
        assert_eq!(Aimd::new(2).limit(), 2);
        assert_eq!(Aimd::new(0).limit(), 1);
    }
}
