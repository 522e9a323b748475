//! The one HTTP client of the command.

use std::time::Duration;

use anyhow::{Context as _, Result};
use reqwest::Client;
use reqwest::redirect::Policy;

/// A client that follows no redirect (the sign-in is walked step by step) and gives up after 60 s.
///
/// # Errors
/// TLS cannot be set up.
pub fn client() -> Result<Client> {
    postrider_runtime::tls::install();
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(Duration::from_secs(2))
        .timeout(Duration::from_secs(60))
        .build()
        .context("cannot build an HTTP client")
}
