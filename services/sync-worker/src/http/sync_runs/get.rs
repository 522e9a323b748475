//! `GET /api/v1/sync-runs/{id}`

use std::time::Duration;

use actix_web::web::{Data, Json};
use chrono::TimeDelta;
use postrider_domain::{RunId, Timestamp};
use postrider_web::{AccountHeader, Caller, PathId, Problem, Scope};
use tokio::time::Instant;

use super::view::{Run, show};
use crate::http::accounts::ids;
use crate::http::api::{Api, problem};
use crate::store::runs;

/// How long a run that another service has just named may be on its way here.
const ON_ITS_WAY: TimeDelta = TimeDelta::seconds(10);
/// How long a request waits for it.
const WAIT: Duration = Duration::from_secs(3);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);

/// One run, with its counts and its forecast. A run that was asked for a moment ago is waited for.
#[utoipa::path(get, path = "/api/v1/sync-runs/{id}", tag = "sync", params(("id" = String, Path, description = "the run")),
    responses((status = 200, body = Run), (status = 404, body = postrider_web::ProblemDocument)))]
pub async fn handle(
    api: Data<Api>,
    caller: Caller,
    account: AccountHeader,
    id: PathId<RunId>,
) -> Result<Json<Run>, Problem> {
    let id = id.into_inner();
    let until = Instant::now() + WAIT;
    loop {
        let (tx, accounts) = api.open(&caller, Scope::Read).await?;
        let covered = ids(&accounts.covered(account.0, None)?);
        let row = runs::find(&tx, &covered, id).await.map_err(problem)?;
        let run = show(&tx, row.into_iter().collect(), &api).await.map_err(problem)?.pop();
        tx.commit().await.map_err(problem)?;
        match run {
            Some(run) => return Ok(Json(run)),
            // An erasure is connector's answer before it is ours: its event is under way.
            None if may_be_on_its_way(id, api.now()) && Instant::now() < until => tokio::time::sleep(LOOK).await,
            None => return Err(Problem::not_found()),
        }
    }
}

/// Whether the id was made a moment ago, by a clock that may be a little ahead or behind: ids of runs tell when.
fn may_be_on_its_way(id: RunId, now: Timestamp) -> bool {
    let made = id.0.get_timestamp().map(|made| made.to_unix());
    let made = made.and_then(|(seconds, nanos)| Timestamp::from_timestamp(i64::try_from(seconds).ok()?, nanos));
    made.is_some_and(|made| (now - made).abs() < ON_ITS_WAY)
}

#[cfg(test)]
mod tests {
    use super::*;
    use postrider_domain::{Clock as _, MockClock, Seams};
    use std::sync::Arc;
    use uuid::Uuid;

    #[test]
    fn ids_of_another_time_and_ids_that_tell_none_are_not_waited_for() {
        let clock = MockClock::default();
        let id = RunId(Seams::seeded(Arc::new(clock.clone()), 1).ids.uuid());
        assert!(may_be_on_its_way(id, clock.now()));
        assert!(may_be_on_its_way(id, clock.now() - TimeDelta::seconds(9)));
        assert!(!may_be_on_its_way(id, clock.now() + TimeDelta::seconds(10)));
        assert!(!may_be_on_its_way(RunId(Uuid::from_u128(42)), clock.now()));
    }
}
