//! Fault rules of calls and of pushes.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use serde_json::json;

use super::{Refused, Reply, done};
use crate::gate::Rule;
use crate::push::PushFaults;
use crate::server::Sim;

pub(crate) async fn list(sim: Data<Sim>) -> Reply {
    Ok(HttpResponse::Ok().json(sim.gate.rules()))
}

pub(crate) async fn add(sim: Data<Sim>, rule: Json<Rule>) -> Reply {
    if rule.status.is_some_and(|status| !(400..600).contains(&status)) {
        return Err(Refused::bad("status is 400 to 599"));
    }
    let id = sim.gate.add_rule(rule.into_inner());
    Ok(HttpResponse::Ok().json(json!({"id": id})))
}

pub(crate) async fn clear(sim: Data<Sim>) -> Reply {
    sim.gate.remove_rules(None);
    Ok(done())
}

pub(crate) async fn remove(sim: Data<Sim>, id: Path<u64>) -> Reply {
    sim.gate.remove_rules(Some(*id));
    Ok(done())
}

pub(crate) async fn push_faults(sim: Data<Sim>) -> Reply {
    Ok(HttpResponse::Ok().json(sim.push_queue(|queue| queue.faults().clone())))
}

pub(crate) async fn set_push_faults(sim: Data<Sim>, faults: Json<PushFaults>) -> Reply {
    sim.push_queue(|queue| *queue.faults() = faults.into_inner());
    Ok(done())
}
