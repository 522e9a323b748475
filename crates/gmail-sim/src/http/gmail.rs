//! `gmail.googleapis.com`: the paths below `/gmail/v1/users/{userId}`.

mod account;
mod get;
mod history;
mod insert;
mod list;
mod modify;

use actix_web::Scope;
use actix_web::web::{self, delete, get, post};

/// All Gmail routes. Longer paths stand before `{id}`.
pub(crate) fn scope() -> Scope {
    web::scope("/gmail/v1/users/{user}")
        .app_data(web::PayloadConfig::new(160 << 20))
        .route("/profile", get().to(account::profile))
        .route("/watch", post().to(account::watch))
        .route("/stop", post().to(account::stop))
        .route("/labels", get().to(account::labels))
        .route("/labels/{id}", get().to(account::label))
        .route("/history", get().to(history::list))
        .route("/messages", get().to(list::list))
        .route("/messages", post().to(insert::insert))
        .route("/messages/import", post().to(insert::import))
        .route("/messages/{id}", get().to(get::get))
        .route("/messages/{id}", delete().to(modify::delete))
        .route("/messages/{id}/attachments/{attachment}", get().to(get::attachment))
        .route("/messages/{id}/modify", post().to(modify::modify))
        .route("/messages/{id}/trash", post().to(modify::trash))
        .route("/messages/{id}/untrash", post().to(modify::untrash))
}
