//! Values that must never be printed: no `Debug` of the content, no `Display`, no `Serialize`.

use std::fmt;

use serde::Deserialize;

/// A secret text: token, password, key. Reading it is spelled out at each use, so that a review can find them all.
#[derive(Clone, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The content. Only for handing it to the party it is meant for.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Secret {
    fn from(value: String) -> Self {
        Self(value)
    }
}

/// Lets configuration structs derive `Debug` without leaking: prints `Secret(…)`, never the content.
impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_content() {
        assert!(!format!("{:?}", Secret::new("hunter2")).contains("hunter2"));
    }
}
