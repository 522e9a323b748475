//! What the handlers reach.

use std::sync::Arc;

use postrider_domain::Seams;
use postrider_runtime::Tasks;
use postrider_storage::Db;
use postrider_web::client_tokens::{ClientTokens, TokenIssuer};
use postrider_web::{InternalTokens, Origins};

use crate::drain::Drain;
use crate::keys::ApiKeys;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::openapi::catalog::Catalog;
use crate::proofs::Proofs;
use crate::proxy::{Bodies, Proxy};
use crate::rules::client_address::TrustedProxies;
use crate::tunnel::{Places, Replicas, Sessions};

/// Shared by all workers.
#[derive(Clone)]
pub struct State {
    pub db: Db,
    pub seams: Seams,
    pub clients: ClientTokens,
    pub issuer: TokenIssuer,
    pub keys: ApiKeys,
    pub internal: InternalTokens,
    pub limits: Arc<Limits>,
    pub cors: Origins,
    pub trusted: TrustedProxies,
    /// Pushes whose proof held lately.
    pub proofs: Proofs,
    pub bodies: Bodies,
    pub proxy: Proxy,
    pub replicas: Arc<Replicas>,
    pub places: Places,
    /// Socket.IO sessions that are known to exist.
    pub sessions: Sessions,
    pub catalog: Arc<Catalog>,
    pub metrics: Metrics,
    pub tasks: Tasks,
    pub drain: Drain,
}
