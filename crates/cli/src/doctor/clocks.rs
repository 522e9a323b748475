//! Clocks: this machine's and those of the services' processes, all compared with Postgres's.

use chrono::TimeDelta;

use super::Finding;
use crate::stack::Member;

const AREA: &str = "clock";
/// From here on a sync-worker takes no work, and tokens between services are refused.
const FAILS: TimeDelta = TimeDelta::seconds(60);
const WARNS: TimeDelta = TimeDelta::seconds(5);

/// A clock that is so far apart from Postgres's.
pub fn drifted(whose: &str, apart: TimeDelta) -> Finding {
    let seconds = f64::from(i32::try_from(apart.num_milliseconds().abs()).unwrap_or(i32::MAX)) / 1_000.0;
    let text = format!("that of {whose} is {seconds:.1} s apart from Postgres's");
    if apart.abs() >= FAILS {
        let remedy = "Set the clock there (NTP): above 60 s a sync-worker takes no work, and tokens between services are refused";
        Finding::fail(AREA, text, remedy)
    } else if apart.abs() > WARNS {
        Finding::warn(AREA, text, "Set the clock there (NTP): above 60 s a sync-worker takes no work")
    } else {
        Finding::ok(AREA, text)
    }
}

/// The services' clocks, by how far each is ahead of ours and how far Postgres's is: only those that are off are told.
pub fn of_services(clocks: &[(Member, TimeDelta)], postgres: Option<TimeDelta>) -> Vec<Finding> {
    let apart = |ahead: TimeDelta| ahead - postgres.unwrap_or_default();
    let off = clocks.iter().filter(|(_, ahead)| apart(*ahead).abs() > WARNS);
    off.map(|(member, ahead)| drifted(member.name(), apart(*ahead))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_is_told_by_how_far_it_is_off() {
        let verdicts =
            [200, -6_000, 60_000, -61_000].map(|millis| drifted("x", TimeDelta::milliseconds(millis)).verdict);
        assert_eq!(verdicts, [Verdict::Ok, Verdict::Warn, Verdict::Fail, Verdict::Fail]);
    }

    #[test]
    fn services_are_compared_with_postgres_not_with_us() {
        let clocks = [(Member::Connector, TimeDelta::seconds(90)), (Member::SyncWorker, TimeDelta::zero())];
        let told = |postgres| of_services(&clocks, Some(postgres)).into_iter().map(|one| one.text).collect::<Vec<_>>();
        assert_eq!(told(TimeDelta::zero()), ["that of connector is 90.0 s apart from Postgres's"]);
        // Ours is the one that is 90 s behind; sync-worker shares it.
        assert_eq!(told(TimeDelta::seconds(90)), ["that of sync-worker is 90.0 s apart from Postgres's"]);
    }
}
