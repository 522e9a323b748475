//! Quota, push, OAuth, the clock and the keys.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse};
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Refused, Reply, done};
use crate::gate::Quota;
use crate::oauth::service_account::key_file;
use crate::oauth::{Death, OAuthConfig};
use crate::push::PushConfig;
use crate::server::Sim;
use crate::world::{Excess, SimError};

pub(crate) async fn quota(sim: Data<Sim>) -> Reply {
    Ok(HttpResponse::Ok().json(sim.gate.quota()))
}

/// A name (`2026`, `legacy`, `off`) or the limits themselves.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum SetQuota {
    Named { named: String },
    Limits(Quota),
}

pub(crate) async fn set_quota(sim: Data<Sim>, quota: Json<SetQuota>) -> Reply {
    let quota = match quota.into_inner() {
        SetQuota::Limits(quota) => quota,
        SetQuota::Named { named } => {
            Quota::named(&named).ok_or_else(|| Refused::bad("named is one of 2026, legacy, off"))?
        }
    };
    sim.gate.set_quota(quota);
    Ok(done())
}

pub(crate) async fn push(sim: Data<Sim>) -> Reply {
    Ok(HttpResponse::Ok().json(sim.push_config()))
}

#[derive(Deserialize)]
pub(crate) struct SetPush {
    /// `coalesce` or `drop`.
    excess: Option<Excess>,
    #[serde(flatten)]
    config: serde_json::Map<String, Value>,
}

/// Members that are not given keep their value.
pub(crate) async fn set_push(sim: Data<Sim>, wanted: Json<SetPush>) -> Reply {
    let wanted = wanted.into_inner();
    let config: PushConfig = merged(&sim.push_config(), wanted.config)?;
    sim.configure_push(config);
    if let Some(excess) = wanted.excess {
        sim.world.set_excess(excess);
    }
    Ok(done())
}

pub(crate) async fn oauth(sim: Data<Sim>) -> Reply {
    Ok(HttpResponse::Ok().json(sim.oauth.config()))
}

/// Members that are not given keep their value.
pub(crate) async fn set_oauth(sim: Data<Sim>, wanted: Json<serde_json::Map<String, Value>>) -> Reply {
    let config: OAuthConfig = merged(&sim.oauth.config(), wanted.into_inner())?;
    sim.oauth.configure(|current| *current = config);
    Ok(done())
}

fn merged<T>(current: &T, wanted: serde_json::Map<String, Value>) -> Result<T, Refused>
where
    T: serde::Serialize + serde::de::DeserializeOwned,
{
    let mut value = serde_json::to_value(current).map_err(|error| Refused::bad(error.to_string()))?;
    if let Some(fields) = value.as_object_mut() {
        fields.extend(wanted);
    }
    serde_json::from_value(value).map_err(|error| Refused::bad(error.to_string()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoke {
    account: String,
    #[serde(default)]
    how: Death,
}

pub(crate) async fn revoke(sim: Data<Sim>, of: Json<Revoke>) -> Reply {
    let account = sim.world.account(&of.account).ok_or_else(|| SimError::UnknownMailbox(of.account.clone()))?;
    sim.oauth.kill(&account, of.how);
    Ok(done())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    account: String,
    #[serde(default)]
    scopes: Vec<String>,
}

/// A bearer token without a sign-in; all mail scopes unless some are named.
pub(crate) async fn access_token(sim: Data<Sim>, of: Json<NewToken>) -> Reply {
    let account = sim.world.account(&of.account).ok_or_else(|| SimError::UnknownMailbox(of.account.clone()))?;
    let scopes: Vec<&str> = of.scopes.iter().map(String::as_str).collect();
    let scopes = if scopes.is_empty() { vec!["https://mail.google.com/"] } else { scopes };
    let token = sim.oauth.issue_access(&account, &scopes, sim.world.now());
    Ok(HttpResponse::Ok().json(json!({"access_token": token})))
}

pub(crate) async fn clock(sim: Data<Sim>) -> Reply {
    Ok(HttpResponse::Ok().json(json!({"now": sim.world.now()})))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    advance_ms: i64,
}

pub(crate) async fn advance(sim: Data<Sim>, by: Json<Advance>) -> Reply {
    // A thousand years either way is enough and cannot overflow.
    let most = 1_000 * 366 * 86_400_000;
    sim.world.advance(TimeDelta::milliseconds(by.advance_ms.clamp(-most, most)));
    Ok(HttpResponse::Ok().json(json!({"now": sim.world.now()})))
}

pub(crate) async fn rotate_keys(sim: Data<Sim>) -> Reply {
    // Making a key takes up to a second of one core: not on the thread that serves.
    let keys = sim.keys.clone();
    let made = tokio::task::spawn_blocking(move || keys.rotate()).await;
    match made {
        Ok(Ok(())) => Ok(done()),
        Ok(Err(error)) => Err(Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
        Err(error) => Err(Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

/// The key file of the project's service account, with this server's own token endpoint.
pub(crate) async fn service_account(request: HttpRequest, sim: Data<Sim>) -> Reply {
    let (seed, host) = (sim.seed, request.connection_info().host().to_owned());
    // Making a key takes up to a second of one core: not on the thread that serves.
    let made = tokio::task::spawn_blocking(move || key_file(seed, &format!("http://{host}/token"))).await;
    match made {
        Ok(Ok(file)) => Ok(HttpResponse::Ok().json(file)),
        Ok(Err(error)) => Err(Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
        Err(error) => Err(Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}

/// Signs any claims as Google would, for tests of forged pushes.
pub(crate) async fn sign(sim: Data<Sim>, claims: Json<Value>) -> Reply {
    match sim.sign(&claims) {
        Ok(token) => Ok(HttpResponse::Ok().json(json!({"token": token}))),
        Err(error) => Err(Refused(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())),
    }
}
