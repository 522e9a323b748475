//! Mailboxes as a whole: made, made anew, aged.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::json;

use super::{Refused, Reply, done};
use crate::content::Sizes;
use crate::server::Sim;
use crate::world::MailboxSpec;

pub(crate) async fn list(sim: Data<Sim>) -> Reply {
    let describe = |account: crate::world::Account| {
        let profile = sim.world.profile(&account.address).ok();
        json!({
            "address": account.address,
            "sub": account.sub,
            "messages": profile.as_ref().map(|profile| profile.messages_total),
            "history_id": profile.as_ref().map(|profile| profile.history_id),
            "generation": sim.world.generation(&account.address).ok(),
            "watch_until": sim.world.watch_until(&account.address),
        })
    };
    Ok(HttpResponse::Ok().json(sim.world.accounts().into_iter().map(describe).collect::<Vec<_>>()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Create {
    address: String,
    #[serde(default)]
    size: u32,
    seed: Option<u64>,
    sub: Option<String>,
    #[serde(default)]
    sizes: Sizes,
}

/// Largest mailbox made on demand: about 200 bytes of memory a message.
const MAX_SIZE: u32 = 1_000_000;

pub(crate) async fn create(sim: Data<Sim>, spec: Json<Create>) -> Reply {
    if spec.size > MAX_SIZE {
        return Err(Refused::bad(format!("size is at most {MAX_SIZE}")));
    }
    let spec = spec.into_inner();
    let spec =
        MailboxSpec { address: spec.address, size: spec.size, seed: spec.seed, sub: spec.sub, sizes: spec.sizes };
    Ok(HttpResponse::Created().json(sim.world.create_mailbox(&spec)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recreate {
    account: String,
    #[serde(default)]
    size: u32,
    new_sub: Option<String>,
}

pub(crate) async fn recreate(sim: Data<Sim>, of: Json<Recreate>) -> Reply {
    sim.world.recreate(&of.account, of.size.min(MAX_SIZE), of.new_sub.as_deref())?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expire {
    account: String,
    /// Newest records to keep.
    #[serde(default)]
    keep: usize,
}

pub(crate) async fn expire_history(sim: Data<Sim>, of: Json<Expire>) -> Reply {
    sim.world.expire_history(&of.account, of.keep)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Only {
    account: String,
}

pub(crate) async fn expire_page_tokens(sim: Data<Sim>, of: Json<Only>) -> Reply {
    sim.world.expire_page_tokens(&of.account)?;
    Ok(done())
}

pub(crate) async fn bump_history(sim: Data<Sim>, of: Json<Only>) -> Reply {
    sim.world.bump_history(&of.account)?;
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetRetention {
    account: String,
    seconds: u32,
}

pub(crate) async fn retention(sim: Data<Sim>, of: Json<SetRetention>) -> Reply {
    sim.world.set_retention(&of.account, TimeDelta::seconds(i64::from(of.seconds)))?;
    Ok(done())
}

/// Exactly one of: `create` (a name), `rename` (id and name), `delete` (id).
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum LabelAct {
    Create { account: String, name: String },
    Rename { account: String, id: String, name: String },
    Delete { account: String, id: String },
}

pub(crate) async fn label(sim: Data<Sim>, act: Json<LabelAct>) -> Reply {
    match act.into_inner() {
        LabelAct::Create { account, name } => {
            let id = sim.world.create_label(&account, &name)?;
            return Ok(HttpResponse::Ok().json(json!({"id": id})));
        }
        LabelAct::Rename { account, id, name } => sim.world.rename_label(&account, &id, &name)?,
        LabelAct::Delete { account, id } => sim.world.delete_label(&account, &id)?,
    }
    Ok(done())
}
