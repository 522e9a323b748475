//! What the handlers reach.

use std::sync::Arc;

use postrider_domain::Seams;
use postrider_google_auth::oidc::PushVerifier;
use postrider_storage::Db;
use postrider_web::ServiceClient;
use postrider_web::body::BodyRules;

use crate::confirm::Confirmer;
use crate::metrics::Metrics;
use crate::recent::Recent;

/// What channels need.
#[derive(Clone)]
pub struct Channels {
    pub db: Db,
    /// Says whose an account is.
    pub connector: ServiceClient,
    /// Where notices are sent.
    pub url: String,
}

/// Shared by all workers.
#[derive(Clone)]
pub struct State {
    pub seams: Seams,
    pub verifier: Arc<PushVerifier>,
    /// The only subscription whose pushes count, if one is named.
    pub subscription: Option<String>,
    /// What a push's body may take.
    pub bodies: BodyRules,
    pub confirmer: Confirmer,
    pub recent: Recent,
    /// Absent where no channels are opened.
    pub channels: Option<Channels>,
    pub metrics: Metrics,
}
