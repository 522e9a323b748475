//! The start cookie: proof that the browser that ends a consent is the one that began it. Without it somebody could
//! lure a person into a link that connects that person's mailbox to the lurer's account.

use std::fmt::Write;

use actix_web::HttpRequest;
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use postrider_domain::Secret;
use url::Url;

use postrider_domain::token;

/// Only the callback and the confirm page get it.
const PATH: &str = "/gmail/auth";

/// The cookie of one consent. Each has a name of its own, so that two begun side by side do not disturb each other.
pub fn start(state_hash: &[u8], value: &Secret, app: &Url) -> Cookie<'static> {
    build(name(state_hash), value.expose().to_owned(), app, Duration::minutes(10))
}

/// Takes it back.
pub fn forget(state_hash: &[u8], app: &Url) -> Cookie<'static> {
    build(name(state_hash), String::new(), app, Duration::ZERO)
}

/// Whether the request brings the cookie of that consent back.
pub fn came_back(request: &HttpRequest, state_hash: &[u8], cookie_hash: &[u8]) -> bool {
    request.cookie(&name(state_hash)).is_some_and(|cookie| token::matches(cookie.value(), cookie_hash))
}

fn build(name: String, value: String, app: &Url, max_age: Duration) -> Cookie<'static> {
    // Lax: Google's redirect is a top-level GET from another site, which Strict would strip.
    Cookie::build(name, value)
        .path(PATH)
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(app.scheme() == "https")
        .max_age(max_age)
        .finish()
}

fn name(state_hash: &[u8]) -> String {
    state_hash.iter().take(8).fold("postrider_start_".to_owned(), |mut name, byte| {
        let _infallible = write!(name, "{byte:02x}");
        name
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn secure_on_https_and_bound_to_one_consent() {
        let (https, http) = (Url::parse("https://a.example").unwrap(), Url::parse("http://localhost:8000").unwrap());
        let value = Secret::new("v");
        let (one, two) = (token::hash("one"), token::hash("two"));
        let text = start(&one, &value, &https).to_string();
        for part in ["HttpOnly", "SameSite=Lax", "Secure", "Path=/gmail/auth", "Max-Age=600"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!start(&one, &value, &http).to_string().contains("Secure"));
        let request = TestRequest::default().cookie(start(&one, &value, &http)).to_http_request();
        assert!(came_back(&request, &one, &token::hash("v")));
        assert!(!came_back(&request, &two, &token::hash("v")));
        assert!(!came_back(&request, &one, &token::hash("w")));
    }
}
