//! The one crypto provider behind TLS.

/// Makes *ring* the process's rustls provider. Call it before the first TLS or reqwest client; repeating it is free.
pub fn install() {
    // An error means that a provider is installed already: this very one, since no other is compiled in.
    let _already = rustls::crypto::ring::default_provider().install_default();
}
