//! The route table. Fixed paths stand before `{id}`.

pub mod account;
pub mod addresses;
pub mod digests;
pub mod events;
pub mod notifications;
mod page;
pub mod preferences;
pub mod push;
pub mod triggers;
pub mod unsubscribe;
pub mod webhooks;

use actix_web::Scope;
use actix_web::web::{Data, ServiceConfig, delete, get, patch, post, put, resource, scope};
use postrider_web::InternalTokens;
use utoipa::OpenApi;

use crate::state::State;

/// The service's own document; the gateway merges it.
#[derive(OpenApi)]
#[openapi(
    info(title = "Postrider notification", description = "Notifications and preferences (Socket.IO: see the README)."),
    paths(
        notifications::list::handle,
        notifications::create::handle,
        notifications::get::handle,
        notifications::mark::read,
        notifications::mark::unread,
        notifications::mark::archive,
        notifications::bulk_read::handle,
        notifications::stats::handle,
        notifications::cleanup_old::handle,
        notifications::explain::handle,
        preferences::get::handle,
        preferences::put::handle,
        preferences::silence::silence,
        preferences::silence::unsilence,
        preferences::simulate::handle,
        digests::list::handle,
        digests::send::handle,
        unsubscribe::show,
        unsubscribe::act,
        addresses::ask,
        addresses::show,
        addresses::confirm,
        push::public_key::handle,
        push::subscriptions::list,
        push::subscribe::handle,
        push::subscriptions::delete,
        triggers::read::list,
        triggers::change::create,
        triggers::read::get,
        triggers::change::patch,
        triggers::change::delete,
        triggers::fires::handle,
        triggers::fire::handle,
        triggers::rotate::handle,
        events::list::handle,
        events::stream::handle,
        events::ticket::handle,
        webhooks::list::handle,
        webhooks::create::handle,
        webhooks::get::handle,
        webhooks::patch::handle,
        webhooks::delete::handle,
        webhooks::test::handle,
        webhooks::rotate::handle,
        webhooks::deliveries::list,
        webhooks::deliveries::replay,
        webhooks::replay::handle,
    )
)]
pub struct ApiDoc;

/// Mounts everything.
pub fn configure(state: State, tokens: InternalTokens) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static {
    let events = postrider_events::http::routes(state.db.clone());
    let document = postrider_web::openapi::document(&ApiDoc::openapi());
    move |config: &mut ServiceConfig| {
        config
            .app_data(Data::new(state.clone()))
            .app_data(tokens.clone())
            .configure(events.clone())
            .configure(document.clone())
            .service(webhook_endpoints())
            .service(
                scope("/api/triggers")
                    .service(
                        resource("").route(get().to(triggers::read::list)).route(post().to(triggers::change::create)),
                    )
                    .service(
                        resource("/{id}")
                            .route(get().to(triggers::read::get))
                            .route(patch().to(triggers::change::patch))
                            .route(delete().to(triggers::change::delete)),
                    )
                    .service(resource("/{id}/fires").route(get().to(triggers::fires::handle)))
                    .service(resource("/{id}/fire").route(post().to(triggers::fire::handle)))
                    .service(resource("/{id}/rotate-secret").route(post().to(triggers::rotate::handle))),
            )
            .service(
                scope("/api/v1/events")
                    .service(resource("").route(get().to(events::list::handle)))
                    .service(resource("/stream").route(get().to(events::stream::handle)))
                    .service(resource("/ticket").route(post().to(events::ticket::handle))),
            )
            .service(
                scope("/api/notifications")
                    .service(
                        resource("")
                            .route(get().to(notifications::list::handle))
                            .route(post().to(notifications::create::handle)),
                    )
                    .service(resource("/stats").route(get().to(notifications::stats::handle)))
                    .service(resource("/cleanup-old").route(delete().to(notifications::cleanup_old::handle)))
                    .service(resource("/bulk-read").route(post().to(notifications::bulk_read::handle)))
                    .service(
                        resource("/preferences")
                            .route(get().to(preferences::get::handle))
                            .route(put().to(preferences::put::handle)),
                    )
                    .service(resource("/preferences/silence").route(post().to(preferences::silence::silence)))
                    .service(resource("/preferences/unsilence").route(post().to(preferences::silence::unsilence)))
                    .service(resource("/preferences/simulate").route(post().to(preferences::simulate::handle)))
                    .service(resource("/digests").route(get().to(digests::list::handle)))
                    .service(resource("/digests/send").route(post().to(digests::send::handle)))
                    .service(
                        resource("/unsubscribe/{token}")
                            .route(get().to(unsubscribe::show))
                            .route(post().to(unsubscribe::act)),
                    )
                    .service(resource("/addresses").route(post().to(addresses::ask)))
                    .service(
                        resource("/addresses/{token}")
                            .route(get().to(addresses::show))
                            .route(post().to(addresses::confirm)),
                    )
                    .service(push_subscriptions())
                    .service(resource("/{id}").route(get().to(notifications::get::handle)))
                    .service(resource("/{id}/read").route(post().to(notifications::mark::read)))
                    .service(resource("/{id}/unread").route(post().to(notifications::mark::unread)))
                    .service(resource("/{id}/archive").route(post().to(notifications::mark::archive)))
                    .service(resource("/{id}/explain").route(get().to(notifications::explain::handle))),
            );
    }
}

fn push_subscriptions() -> Scope {
    scope("/push")
        .service(resource("/public-key").route(get().to(push::public_key::handle)))
        .service(
            resource("/subscriptions")
                .route(get().to(push::subscriptions::list))
                .route(post().to(push::subscribe::handle)),
        )
        .service(resource("/subscriptions/{id}").route(delete().to(push::subscriptions::delete)))
}

fn webhook_endpoints() -> Scope {
    scope("/api/v1/webhook-endpoints")
        .service(resource("").route(get().to(webhooks::list::handle)).route(post().to(webhooks::create::handle)))
        .service(
            resource("/{id}")
                .route(get().to(webhooks::get::handle))
                .route(patch().to(webhooks::patch::handle))
                .route(delete().to(webhooks::delete::handle)),
        )
        .service(resource("/{id}/test").route(post().to(webhooks::test::handle)))
        .service(resource("/{id}/rotate-secret").route(post().to(webhooks::rotate::handle)))
        .service(resource("/{id}/deliveries").route(get().to(webhooks::deliveries::list)))
        .service(resource("/{id}/deliveries/{delivery_id}/replay").route(post().to(webhooks::deliveries::replay)))
        .service(resource("/{id}/replay").route(post().to(webhooks::replay::handle)))
}
