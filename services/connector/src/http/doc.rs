//! The service's OpenAPI document.

use utoipa::OpenApi;

use super::{auth, connect, connect_links, connectors, internal_links, refusals, system, token_leases, watch};

/// Every route.
#[derive(OpenApi)]
#[openapi(
    info(title = "Postrider connector", description = "Connected accounts: OAuth, connectors, watches."),
    paths(
        auth::url::handle,
        auth::callback::handle,
        auth::confirm::handle,
        auth::gmail::handle,
        connect_links::create::handle,
        connect_links::list::handle,
        connect_links::delete::handle,
        connect::show::handle,
        connect::begin::handle,
        connectors::list::handle,
        connectors::get::handle,
        connectors::create::handle,
        connectors::update::handle,
        connectors::delete::handle,
        watch::start::handle,
        watch::stop::handle,
        system::info::handle,
        token_leases::create::handle,
        refusals::create::handle,
        internal_links::create::handle,
    )
)]
pub struct ApiDoc;
