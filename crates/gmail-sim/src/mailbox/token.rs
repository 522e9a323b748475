//! Page tokens: opaque to the caller, valid until [`super::Mailbox::expire_page_tokens`].

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::Mailbox;
use crate::error::ApiError;

impl Mailbox {
    /// A token that holds a position.
    pub(super) fn page_token(&self, kind: char, a: i64, b: u64) -> String {
        URL_SAFE_NO_PAD.encode(format!("{kind}.{}.{a}.{b}", self.token_epoch))
    }

    /// Reads a token of the given kind; 400 if it is not ours or too old.
    pub(super) fn position(&self, kind: char, token: &str) -> Result<(i64, u64), ApiError> {
        self.read(kind, token).ok_or_else(|| ApiError::invalid("Invalid pageToken"))
    }

    fn read(&self, kind: char, token: &str) -> Option<(i64, u64)> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let mut parts = text.split('.');
        let same_kind = parts.next()? == kind.to_string();
        let same_epoch = parts.next()?.parse() == Ok(self.token_epoch);
        (same_kind && same_epoch).then_some(())?;
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    }
}
