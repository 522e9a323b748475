//! Google's own paths over HTTP.

mod call;
mod gmail;
mod json;
mod oauth;
mod payload;
mod pubsub;
pub(crate) mod query;
mod transport;

use actix_web::web::{self, ServiceConfig};

/// The routes of accounts.google.com, oauth2.googleapis.com, www.googleapis.com, pubsub.googleapis.com and
/// gmail.googleapis.com.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .route("/o/oauth2/v2/auth", web::get().to(oauth::consent::show))
        .route("/o/oauth2/v2/auth", web::post().to(oauth::consent::submit))
        .route("/token", web::post().to(oauth::token::token))
        .route("/revoke", web::post().to(oauth::token::revoke))
        .route("/computeMetadata/v1/instance/service-accounts/default/token", web::get().to(oauth::service::metadata))
        .route("/oauth2/v3/certs", web::get().to(oauth::keys::certs))
        .route("/.well-known/openid-configuration", web::get().to(oauth::keys::discovery))
        .route("/v1/projects/{project}/{kind}/{id}", web::to(pubsub::call))
        .service(gmail::scope());
}
