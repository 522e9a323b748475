//! `SMTP_URL`, `SMTP_TLS`, `SMTP_CA_FILE`, `SMTP_CONNECTIONS`, `MAIL_FROM`.

use std::fs;
use std::num::NonZeroUsize;

use lettre::message::Mailbox;
use lettre::transport::smtp::client::Certificate;
use percent_encoding::percent_decode_str;
use postrider_domain::Secret;
use postrider_runtime::ConfigErrors;
use postrider_runtime::config::{Env, all};
use url::{Host, Url};

const URL: &str = "SMTP_URL";
/// A mail server counts connections, and so do we.
const MOST_CONNECTIONS: usize = 100;

/// How the server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte.
    Implicit,
    /// STARTTLS, or nothing is sent.
    Required,
    /// STARTTLS where it is offered; then it has to be good.
    Opportunistic,
    /// In the clear.
    None,
}

/// The mail server and our name there.
#[derive(Debug, Clone)]
pub struct MailSettings {
    pub host: String,
    pub port: u16,
    pub security: Security,
    pub credentials: Option<(Secret, Secret)>,
    /// Authorities of the operator's own.
    pub roots: Vec<Certificate>,
    pub connections: usize,
    pub from: Mailbox,
}

impl MailSettings {
    /// Nothing without `SMTP_URL`.
    ///
    /// # Errors
    /// Malformed, or not all that belongs together. What is said names no part of the URL: it holds a password.
    pub fn load(env: &Env) -> Result<Option<Self>, ConfigErrors> {
        let (url, tls, ca, connections, from) = all((
            env.optional_secret(URL),
            Ok(env.optional("SMTP_TLS")),
            Ok(env.optional("SMTP_CA_FILE")),
            env.parse("SMTP_CONNECTIONS").map(NonZeroUsize::get),
            env.parse_optional::<Mailbox>("MAIL_FROM"),
        ))?;
        let Some(url) = url else { return Ok(None) };
        let Some(from) = from else { return Err(env.missing("MAIL_FROM")) };
        if connections > MOST_CONNECTIONS {
            return Err(env.malformed("SMTP_CONNECTIONS", "more than 100 connections"));
        }
        let roots = ca.map(|path| certificates(&path)).transpose()?.unwrap_or_default();
        let (host, port, security, credentials) =
            server(&url, tls.as_deref()).map_err(|why| env.malformed(URL, why))?;
        Ok(Some(Self { host, port, security, credentials, roots, connections, from }))
    }

    /// What stands behind the `@` of our Message-IDs.
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }
}

type Server = (String, u16, Security, Option<(Secret, Secret)>);

fn server(url: &Secret, tls: Option<&str>) -> Result<Server, &'static str> {
    let url = Url::parse(url.expose()).map_err(|_not_one| "it is no URL")?;
    let security = match (url.scheme(), tls) {
        ("smtps", _) => Security::Implicit,
        ("smtp", Some("opportunistic")) => Security::Opportunistic,
        ("smtp", Some("none")) => Security::None,
        ("smtp", _) => Security::Required,
        _ => return Err("it begins neither with smtp:// nor with smtps://"),
    };
    let host = match url.host() {
        Some(Host::Domain(name)) => name.to_owned(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Ipv6(address)) => address.to_string(),
        None => return Err("it names no server"),
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
        return Err("something stands behind the server and its port");
    }
    let plain = |text: &str| percent_decode_str(text).decode_utf8().map(|text| Secret::new(text.into_owned()));
    let credentials = match (url.username(), url.password()) {
        ("", None) => None,
        (_, None) | ("", _) => return Err("of user and password one is missing"),
        (user, Some(password)) => match (plain(user), plain(password)) {
            (Ok(user), Ok(password)) => Some((user, password)),
            _ => return Err("user or password is not UTF-8"),
        },
    };
    if credentials.is_some() && security == Security::None {
        return Err("with SMTP_TLS=none its password would be readable on the way; leave user and password out");
    }
    let port = url.port().unwrap_or(if security == Security::Implicit { 465 } else { 587 });
    Ok((host, port, security, credentials))
}

fn certificates(path: &str) -> Result<Vec<Certificate>, ConfigErrors> {
    let wrong = |why: String| ConfigErrors::one("SMTP_CA_FILE", why, "Name a file with certificates in PEM form");
    let pem = fs::read(path).map_err(|error| wrong(format!("names {path:?}, which cannot be read: {error}")))?;
    if !String::from_utf8_lossy(&pem).contains("-----BEGIN CERTIFICATE-----") {
        return Err(wrong(format!("names {path:?}, which holds no certificate")));
    }
    let read = Certificate::from_pem(&pem);
    read.map(|one| vec![one]).map_err(|_| wrong(format!("names {path:?}, whose certificates cannot be read")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: (&str, &str) = ("MAIL_FROM", "Postrider <mail@example.com>");

    fn load(pairs: &[(&str, &str)]) -> Result<Option<MailSettings>, String> {
        let env = Env::from_pairs([FROM].into_iter().chain(pairs.iter().copied()));
        MailSettings::load(&env).map_err(|error| error.to_string())
    }

    #[test]
    fn tls_is_required_unless_said_otherwise() {
        assert!(load(&[]).unwrap().is_none());
        let seen = |url: &str, tls: &str| {
            let settings = load(&[("SMTP_URL", url), ("SMTP_TLS", tls)]).unwrap().unwrap();
            (settings.host, settings.port, settings.security)
        };
        assert_eq!(seen("smtp://mail.example.com", ""), ("mail.example.com".into(), 587, Security::Required));
        assert_eq!(seen("smtps://mail.example.com", "none"), ("mail.example.com".into(), 465, Security::Implicit));
        assert_eq!(seen("smtp://10.0.0.5:25", "opportunistic"), ("10.0.0.5".into(), 25, Security::Opportunistic));
        assert_eq!(seen("smtp://[::1]:25", "none"), ("::1".into(), 25, Security::None));
    }

    #[test]
    fn user_and_password_are_decoded_and_shown_nowhere() {
        let settings = load(&[("SMTP_URL", "smtps://me%40example.com:pa%2Fss@mail.example.com")]).unwrap().unwrap();
        let (user, password) = settings.credentials.clone().unwrap();
        assert_eq!((user.expose(), password.expose()), ("me@example.com", "pa/ss"));
        let shown = format!("{settings:?}");
        assert!(!shown.contains("pa/ss") && !shown.contains("pa%2Fss"), "{shown}");
        assert_eq!(settings.domain(), "example.com");
    }

    #[test]
    fn what_is_wrong_is_named_without_the_password() {
        for (url, tls) in [
            ("http://user:secretword@mail.example.com", "required"),
            ("smtp://user:secretword@mail.example.com/path", "required"),
            ("smtp://user:secretword@mail.example.com?tls=none", "required"),
            ("smtp://secretword@mail.example.com", "required"),
            ("smtp://:secretword@mail.example.com", "required"),
            ("smtp://user:secretword@mail.example.com", "none"),
            ("smtp://user:%ffsecretword@mail.example.com", "required"),
            ("secretword", "required"),
        ] {
            let error = load(&[("SMTP_URL", url), ("SMTP_TLS", tls)]).unwrap_err();
            assert!(error.contains("SMTP_URL") && !error.contains("secretword"), "{error}");
        }
        let good = ("SMTP_URL", "smtps://mail.example.com");
        for (name, value) in [
            ("MAIL_FROM", "nobody"),
            ("SMTP_CONNECTIONS", "0"),
            ("SMTP_CONNECTIONS", "101"),
            ("SMTP_CA_FILE", "/nowhere"),
            ("SMTP_CA_FILE", "Cargo.toml"),
        ] {
            let error = load(&[good, (name, value)]).unwrap_err();
            assert!(error.contains(name), "{error}");
        }
        let env = Env::from_pairs([good]);
        assert!(MailSettings::load(&env).unwrap_err().to_string().contains("MAIL_FROM"));
    }
}
