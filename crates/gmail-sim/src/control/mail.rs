//! Mail arrives, moves and goes.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use postrider_domain::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::{Refused, Reply, done};
use crate::content::Kind;
use crate::ids::MsgId;
use crate::server::Sim;
use crate::world::{Deliver, SimError, World};

/// A mail as the control calls take it.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mail {
    account: String,
    /// How many mails; each is a history record of its own.
    n: Option<u32>,
    /// All `n` mails in one history record.
    one_record: bool,
    from: Option<String>,
    to: Option<String>,
    subject: Option<String>,
    body: Option<String>,
    labels: Option<Vec<String>>,
    /// Whole mail, base64 of either alphabet.
    raw: Option<String>,
    thread: Option<MsgId>,
    kind: Option<Kind>,
    internal_date: Option<Timestamp>,
    /// Draft to save over, or to send.
    draft: Option<String>,
}

impl Mail {
    fn mail(&self) -> Result<Deliver, Refused> {
        let decode = |text: &String| {
            let plain = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
            URL_SAFE_NO_PAD.decode(plain).or_else(|_| STANDARD.decode(text))
        };
        let raw = self.raw.as_ref().map(decode).transpose();
        Ok(Deliver {
            from: self.from.clone(),
            to: self.to.clone(),
            subject: self.subject.clone(),
            body: self.body.clone(),
            labels: self.labels.clone(),
            raw: raw.map_err(|error| Refused::bad(format!("raw is not base64: {error}")))?,
            thread: self.thread,
            kind: self.kind,
            internal_date: self.internal_date,
        })
    }
}

pub(crate) async fn deliver(sim: Data<Sim>, mail: Json<Mail>) -> Reply {
    let count = mail.n.unwrap_or(1);
    let one = mail.mail()?;
    let ids = if mail.one_record {
        sim.world.deliver_all(&mail.account, (0..count).map(|_| one.clone()).collect())?
    } else {
        (0..count).map(|_| sim.world.deliver(&mail.account, one.clone())).collect::<Result<Vec<_>, _>>()?
    };
    let history_id = sim.world.profile(&mail.account).map(|profile| profile.history_id).unwrap_or_default();
    Ok(HttpResponse::Ok().json(json!({"ids": ids, "history_id": history_id})))
}

pub(crate) async fn draft(sim: Data<Sim>, mail: Json<Mail>) -> Reply {
    Ok(HttpResponse::Ok().json(sim.world.save_draft(&mail.account, mail.draft.as_deref(), mail.mail()?)?))
}

pub(crate) async fn send(sim: Data<Sim>, mail: Json<Mail>) -> Reply {
    let id = sim.world.send(&mail.account, mail.draft.as_deref(), mail.mail()?)?;
    Ok(HttpResponse::Ok().json(json!({"ids": [id]})))
}

/// Messages to act on.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Messages {
    account: String,
    ids: Vec<MsgId>,
    #[serde(default)]
    add: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
}

impl Messages {
    fn each(&self, world: &World, act: fn(&World, &str, MsgId) -> Result<(), SimError>) -> Reply {
        self.ids.iter().try_for_each(|id| act(world, &self.account, *id))?;
        Ok(done())
    }
}

pub(crate) async fn delete(sim: Data<Sim>, of: Json<Messages>) -> Reply {
    of.each(&sim.world, World::delete)
}

pub(crate) async fn trash(sim: Data<Sim>, of: Json<Messages>) -> Reply {
    of.each(&sim.world, World::trash)
}

pub(crate) async fn untrash(sim: Data<Sim>, of: Json<Messages>) -> Reply {
    of.each(&sim.world, World::untrash)
}

pub(crate) async fn spam(sim: Data<Sim>, of: Json<Messages>) -> Reply {
    of.each(&sim.world, World::mark_spam)
}

/// All named messages in one history record.
pub(crate) async fn relabel(sim: Data<Sim>, of: Json<Messages>) -> Reply {
    let (add, remove): (Vec<&str>, Vec<&str>) =
        (of.add.iter().map(String::as_str).collect(), of.remove.iter().map(String::as_str).collect());
    sim.world.relabel(&of.account, &of.ids, &add, &remove)?;
    Ok(done())
}
