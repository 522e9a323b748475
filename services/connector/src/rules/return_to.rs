//! Where a browser may be sent after a consent: our own origin, or one the operator listed. Nothing else, so that the
//! callback cannot be used to send people to a stranger's page (an open redirect).

use postrider_web::Origins;
use url::Url;

/// Longest accepted `return_to`, in bytes.
const MAX_LEN: usize = 2_000;

/// Parses a `return_to`: an absolute URL, or a path on our own origin. The error says what is wrong, for a 422.
pub fn allowed(text: &str, app: &Url, origins: &Origins) -> Result<Url, &'static str> {
    if text.len() > MAX_LEN {
        return Err("is too long");
    }
    if text.is_empty() || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("is not a URL");
    }
    // Joined by the same rules a browser follows: `//host` and `/\host` turn into other origins here, and are refused.
    let url = app.join(text).map_err(|_invalid| "is not a URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must be an http or https URL");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not hold a user name");
    }
    let origin = url.origin();
    if origin == app.origin() || origins.contains(&origin) {
        Ok(url)
    } else {
        Err("must be in the application's own origin or in one of OAUTH_RETURN_ORIGINS")
    }
}

/// The URL with parameters added to its query.
pub fn with_query(mut url: Url, pairs: &[(&str, &str)]) -> Url {
    url.query_pairs_mut().extend_pairs(pairs);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<String, &'static str> {
        let app = Url::parse("https://post.example:8443/").unwrap();
        let listed = Origins::parse(["https://front.example"]).unwrap();
        allowed(text, &app, &listed).map(String::from)
    }

    #[test]
    fn our_origin_and_listed_ones_are_allowed() {
        assert_eq!(check("/done?x=1").unwrap(), "https://post.example:8443/done?x=1");
        assert_eq!(check("https://post.example:8443/a").unwrap(), "https://post.example:8443/a");
        assert_eq!(check("https://front.example/a#b").unwrap(), "https://front.example/a#b");
        assert_eq!(check("done").unwrap(), "https://post.example:8443/done");
    }

    #[test]
    fn tricks_that_leave_the_origin_are_refused() {
        for trick in [
            "https://evil.example/",
            "//evil.example/",
            "/\\evil.example/",
            "\\\\evil.example",
            "https:evil.example",
            "https:/\\evil.example",
            "http://post.example:8443/",
            "https://post.example/",
            "https://post.example:8443@evil.example/",
            "https://user@post.example:8443/",
            "https://front.example.evil.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "/a\nb",
            "\t//evil.example",
            "",
        ] {
            match check(trick) {
                Err(_) => {}
                Ok(url) => assert!(url.starts_with("https://post.example:8443/"), "{trick:?} became {url}"),
            }
        }
        assert!(check(&format!("/{}", "a".repeat(MAX_LEN))).is_err());
    }

    #[test]
    fn parameters_are_added_and_escaped() {
        let url = with_query(Url::parse("https://a.example/x?y=1#z").unwrap(), &[("error", "a&b=c")]);
        assert_eq!(url.as_str(), "https://a.example/x?y=1&error=a%26b%3Dc#z");
    }
}
