//! How oddly a mailbox answers.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Query};
use chrono::TimeDelta;
use serde::Deserialize;

use super::look::Of;
use super::{Refused, Reply, done};
use crate::mailbox::{Lag, LagScope, Quirks};
use crate::server::Sim;

/// Which history id `history.list` answers while records are hidden.
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Head {
    /// The last one before the first hidden record.
    WithRecords,
    /// The true one.
    Ahead,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetLag {
    account: String,
    ms: u32,
    #[serde(default)]
    scope: LagScope,
    /// Left as it is unless given.
    head: Option<Head>,
}

pub(crate) async fn lag(sim: Data<Sim>, of: Json<SetLag>) -> Reply {
    let span = TimeDelta::milliseconds(i64::from(of.ms));
    sim.world.set_lag(&of.account, Lag { span, scope: of.scope })?;
    if let Some(head) = of.head {
        let quirks = sim.world.quirks(&of.account)?;
        sim.world.set_quirks(&of.account, Quirks { true_head: head == Head::Ahead, ..quirks })?;
    }
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetQuirks {
    account: String,
    quirks: Quirks,
}

/// What is not named is off.
pub(crate) async fn set_quirks(sim: Data<Sim>, of: Json<SetQuirks>) -> Reply {
    if !of.quirks.are_probabilities() {
        return Err(Refused::bad("probabilities are 0 to 1"));
    }
    sim.world.set_quirks(&of.account, of.quirks)?;
    Ok(done())
}

pub(crate) async fn quirks(sim: Data<Sim>, of: Query<Of>) -> Reply {
    Ok(HttpResponse::Ok().json(sim.world.quirks(&of.account)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Back {
    account: String,
    ms: u32,
    #[serde(default)]
    renumber: bool,
}

pub(crate) async fn history_back(sim: Data<Sim>, of: Json<Back>) -> Reply {
    sim.world.history_back(&of.account, TimeDelta::milliseconds(i64::from(of.ms)), of.renumber)?;
    Ok(done())
}

pub(crate) async fn visibility(sim: Data<Sim>, of: Query<Of>) -> Reply {
    Ok(HttpResponse::Ok().json(sim.world.visibility(&of.account)?))
}
