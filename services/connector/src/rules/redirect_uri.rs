//! Which `redirect_uri` an authorisation code may have been issued for.

/// Google's word for a code that was handed over by JavaScript in a pop-up.
const POSTMESSAGE: &str = "postmessage";

/// The redirect URI to exchange a code with: ours when none is named. `None` for anything but ours or `postmessage`:
/// a code issued for somebody else's page is not ours to use.
pub fn accepted<'a>(asked: Option<&'a str>, ours: &'a str) -> Option<&'a str> {
    match asked {
        None => Some(ours),
        Some(uri) if uri == ours || uri == POSTMESSAGE => Some(uri),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ours_and_postmessage() {
        let ours = "https://p.example/gmail/auth/callback";
        assert_eq!(accepted(None, ours), Some(ours));
        assert_eq!(accepted(Some(ours), ours), Some(ours));
        assert_eq!(accepted(Some("postmessage"), ours), Some("postmessage"));
        for bad in ["", "https://p.example/gmail/auth/callback/", "https://evil.example/", "http://localhost"] {
            assert_eq!(accepted(Some(bad), ours), None, "{bad}");
        }
    }
}
