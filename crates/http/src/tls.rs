//! One TLS configuration for every client of this crate: ring, and Mozilla's roots compiled in, so that an image
//! without a certificate store can still reach Google.

use std::sync::Arc;

use hyper_rustls::ConfigBuilderExt;
use rustls::ClientConfig;

/// Why no TLS client can be built. Only a broken build of rustls gets here.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up")]
pub struct TlsError(#[source] rustls::Error);

pub fn client_config() -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError)?
        .with_webpki_roots()
        .with_no_client_auth();
    Ok(config)
}
