//! TLS towards Postgres, with the words of libpq: `sslmode` and `sslrootcert` in the database URL.
//! <https://www.postgresql.org/docs/current/libpq-ssl.html>
//!
//! | `sslmode` | encrypted | certificate | name in it |
//! | --- | --- | --- | --- |
//! | `disable` | no | | |
//! | `allow`, `prefer` (default) | if the server can | not looked at | |
//! | `require` | yes | not looked at, unless `sslrootcert` is given | |
//! | `verify-ca` | yes | checked | not looked at |
//! | `verify-full` | yes | checked | checked |
//!
//! `sslrootcert` is a file with PEM certificates; without it, or as `system`, Mozilla's roots count.

use std::sync::Arc;

use postrider_domain::Secret;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error as Rustls, RootCertStore, SignatureScheme};
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

/// Why a database URL's TLS settings cannot be used. Never holds the URL: it has a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    #[error("sslmode in the database URL must be disable, allow, prefer, require, verify-ca or verify-full")]
    Mode,
    #[error("sslrootcert in the database URL: {file} holds no certificate that can be read ({cause})")]
    Roots { file: String, cause: String },
    #[error("TLS cannot be set up: {0}")]
    Setup(String),
}

/// How much of the server's certificate is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Check {
    Nothing,
    Authority,
    AuthorityAndName,
}

/// A database URL split into what tokio-postgres takes and what rustls takes.
pub(crate) struct Target {
    pub config: tokio_postgres::Config,
    pub tls: MakeRustlsConnect,
}

impl Target {
    /// Reads the URL. The outer error says that it is no database URL at all.
    pub fn parse(database_url: &Secret) -> Result<Result<Self, TlsError>, tokio_postgres::Error> {
        let Ok(mut url) = Url::parse(database_url.expose()) else {
            // Not a URL: the `key=value` form, or garbage that tokio-postgres names.
            let config: tokio_postgres::Config = database_url.expose().parse()?;
            return Ok(client(Check::Nothing, None).map(|tls| Self { config, tls }));
        };
        let (mut mode, mut roots, mut others) = (None, None, Vec::new());
        for (name, value) in url.query_pairs() {
            match name.as_ref() {
                "sslmode" => mode = Some(value.into_owned()),
                "sslrootcert" => roots = Some(value.into_owned()).filter(|file| file != "system"),
                _ => others.push((name.into_owned(), value.into_owned())),
            }
        }
        url.set_query(None);
        if !others.is_empty() {
            url.query_pairs_mut().extend_pairs(others);
        }
        let mut config: tokio_postgres::Config = url.as_str().parse()?;
        let (encrypt, check) = match (mode.as_deref(), &roots) {
            (Some("disable"), _) => (SslMode::Disable, Check::Nothing),
            (None | Some("allow" | "prefer"), _) => (SslMode::Prefer, Check::Nothing),
            (Some("require"), None) => (SslMode::Require, Check::Nothing),
            (Some("require" | "verify-ca"), _) => (SslMode::Require, Check::Authority),
            (Some("verify-full"), _) => (SslMode::Require, Check::AuthorityAndName),
            (Some(_), _) => return Ok(Err(TlsError::Mode)),
        };
        config.ssl_mode(encrypt);
        Ok(client(check, roots.as_deref()).map(|tls| Self { config, tls }))
    }
}

fn client(check: Check, roots: Option<&str>) -> Result<MakeRustlsConnect, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError::Setup(error.to_string()))?;
    let authorities = match check {
        Check::Nothing => None,
        Check::Authority | Check::AuthorityAndName => Some(
            WebPkiServerVerifier::builder_with_provider(Arc::new(trusted(roots)?), provider.clone())
                .build()
                .map_err(|error| TlsError::Setup(error.to_string()))?,
        ),
    };
    let any_name = check != Check::AuthorityAndName;
    let verifier = Arc::new(Verifier { provider, authorities, any_name });
    let config = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

fn trusted(file: Option<&str>) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    let Some(file) = file else {
        store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        return Ok(store);
    };
    let unreadable = |cause: String| TlsError::Roots { file: file.to_owned(), cause };
    let certificates = CertificateDer::pem_file_iter(file).map_err(|error| unreadable(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unreadable(error.to_string()))?;
        store.add(certificate).map_err(|error| unreadable(error.to_string()))?;
    }
    if store.is_empty() { Err(unreadable("no certificate in it".to_owned())) } else { Ok(store) }
}

/// Checks as much of a server's certificate as the mode asks for. That the server holds its key is always checked.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// None: `prefer` and `require`, which protect against listeners on the line only, as libpq has it.
    authorities: Option<Arc<WebPkiServerVerifier>>,
    /// `verify-ca`: the name in the certificate is not looked at.
    any_name: bool,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Rustls> {
        let Some(authorities) = &self.authorities else { return Ok(ServerCertVerified::assertion()) };
        match authorities.verify_server_cert(certificate, chain, name, ocsp, now) {
            Err(Rustls::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if self.any_name => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Rustls> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<SslMode, TlsError> {
        let url = Secret::new(format!("postgres://me:p%40ss@db.example.com/postrider{query}"));
        Target::parse(&url).unwrap().map(|target| target.config.get_ssl_mode())
    }

    #[test]
    fn the_words_are_those_of_libpq() {
        assert_eq!(parse(""), Ok(SslMode::Prefer));
        assert_eq!(parse("?sslmode=disable"), Ok(SslMode::Disable));
        assert_eq!(parse("?sslmode=allow&connect_timeout=3"), Ok(SslMode::Prefer));
        for mode in ["require", "verify-ca", "verify-full"] {
            assert_eq!(parse(&format!("?sslmode={mode}")), Ok(SslMode::Require), "{mode}");
        }
        assert_eq!(parse("?sslmode=verify_full"), Err(TlsError::Mode));
    }

    #[test]
    fn a_missing_authority_is_named() {
        let error = parse("?sslmode=verify-full&sslrootcert=/no/such/ca.pem").unwrap_err().to_string();
        assert!(error.contains("sslrootcert") && error.contains("/no/such/ca.pem"), "{error}");
    }
}
