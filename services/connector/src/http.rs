//! The route table, and nothing else.

pub mod auth;
pub mod connect;
pub mod connect_links;
pub mod connectors;
pub mod doc;
pub mod internal_links;
pub mod owner;
pub mod refusals;
pub mod system;
pub mod token_leases;
pub mod watch;

use actix_web::web::{ServiceConfig, delete, get, patch, post, resource};

/// Mounts every route.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(resource("/gmail/auth/url").get(auth::url::handle))
        .service(resource("/gmail/auth/callback").get(auth::callback::handle).post(auth::confirm::handle))
        .service(resource("/api/auth/google/gmail").post(auth::gmail::handle))
        .service(resource("/api/connectors").get(connectors::list::handle).post(connectors::create::handle))
        .service(
            resource("/api/connectors/{connector_id}")
                .route(get().to(connectors::get::handle))
                .route(patch().to(connectors::update::handle))
                .route(delete().to(connectors::delete::handle)),
        )
        .service(resource("/api/v1/gmail/watch/start").post(watch::start::handle))
        .service(resource("/api/v1/gmail/watch/stop").post(watch::stop::handle))
        .service(
            resource("/api/v1/connect-links")
                .route(get().to(connect_links::list::handle))
                .route(post().to(connect_links::create::handle)),
        )
        .service(resource("/api/v1/connect-links/{link_id}").route(delete().to(connect_links::delete::handle)))
        .service(resource("/connect/{token}").get(connect::show::handle).post(connect::begin::handle))
        .service(resource("/internal/connect-links").route(post().to(internal_links::create::handle)))
        .service(resource("/api/system/info").get(system::info::handle))
        .service(resource("/internal/token-leases").route(post().to(token_leases::create::handle)))
        .service(resource("/internal/refusals").route(post().to(refusals::create::handle)));
}
