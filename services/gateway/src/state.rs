//! What the handlers reach.

use std::sync::Arc;

use postrider_runtime::{Shutdown, Tasks};
use postrider_web::client_tokens::ClientTokens;
use postrider_web::{InternalTokens, Origins};

use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::openapi::catalog::Catalog;
use crate::proxy::{Bodies, Proxy};
use crate::rules::client_address::TrustedProxies;
use crate::tunnel::{Places, Replicas};

/// Shared by all workers.
#[derive(Clone)]
pub struct State {
    pub clients: ClientTokens,
    pub internal: InternalTokens,
    pub limits: Arc<Limits>,
    pub cors: Origins,
    pub trusted: TrustedProxies,
    pub bodies: Bodies,
    pub proxy: Proxy,
    pub replicas: Arc<Replicas>,
    pub places: Places,
    pub catalog: Arc<Catalog>,
    pub metrics: Metrics,
    pub tasks: Tasks,
    pub shutdown: Shutdown,
}
