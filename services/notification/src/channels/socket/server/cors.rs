//! Which pages may open a socket by long polling (`CORS_ALLOWED_ORIGINS`): never with credentials, because tokens travel
//! in the handshake and not in cookies.

use http::{HeaderName, HeaderValue, Method};
use postrider_web::Origins;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The layer that answers browsers. `*` is not a member of its list: tower-http panics on that.
pub fn layer(origins: &Origins) -> CorsLayer {
    let named = origins.named().iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
    let allowed = if origins.is_any() { AllowOrigin::any() } else { AllowOrigin::list(named) };
    CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([HeaderName::from_static("content-type"), HeaderName::from_static("authorization")])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_a_list_or_none() {
        for entries in [&[][..], &["https://App.example.com"], &["*"], &["https://a.example", "*"]] {
            let _must_not_panic = layer(&Origins::parse(entries).unwrap());
        }
    }
}
