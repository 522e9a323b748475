//! Passwords of the services' roles: derived where the operator gave only the administrator's, and never told to the
//! server in clear: its statement log, `pg_stat_activity` and `pg_stat_statements` see a SCRAM verifier.

use std::num::NonZeroU32;

use parking_lot::Mutex;
use postrider_domain::Secret;
use postrider_runtime::config::DatabaseUrl;
use ring::{hmac, pbkdf2};
use tokio_postgres::Config;
use url::Url;

use crate::migrate::MigrateError;
use crate::spec::Spec;

/// Names the derivation; a change of it makes other passwords. Roles outlive databases, so whoever keeps migrated
/// databases (the tests' templates) must migrate anew when it changes.
pub const DERIVATION: &str = "postrider service role, pbkdf2";

/// Rounds of PBKDF2: what one guess at the administrator's password costs whoever learnt a service's.
const ROUNDS: NonZeroU32 = NonZeroU32::MIN.saturating_add(24_999);

type Key = [u8; 32];

/// The last key this process made, and what of.
struct Stretched {
    of: Vec<u8>,
    key: Key,
}

/// The URL a service uses when the operator gave only the administrator's: same server, the service's role, a
/// password derived from the administrator's, so that every process and every test of one server agrees on it.
///
/// # Errors
/// Not a database URL, or one without a password: what is derived from nothing anybody could derive.
pub fn derived_service_url(admin_url: &Secret, spec: &Spec) -> Result<Secret, MigrateError> {
    let mut url = Url::parse(admin_url.expose()).map_err(|_secret| MigrateError::Url("DATABASE_URL"))?;
    let config = config(admin_url, "DATABASE_URL")?;
    let password = config.get_password().filter(|password| !password.is_empty()).ok_or_else(|| {
        MigrateError::NoPassword { service: spec.service, variable: DatabaseUrl::variable(spec.service) }
    })?;
    let password = derive(config.get_user().unwrap_or_default(), password, spec.role);
    let set = url.set_username(spec.role).and_then(|()| url.set_password(Some(&password)));
    set.map_err(|()| MigrateError::Url("DATABASE_URL"))?;
    Ok(Secret::new(url.to_string()))
}

/// What the server is to keep of a password: `SCRAM-SHA-256$4096:<salt>$<stored key>:<server key>`. The only thing a
/// statement can be given, so no password can get into one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verifier(String);

impl Verifier {
    /// Of the password in a service's URL; nothing if it has none (certificates, a password file). A URL of somebody else
    /// is refused: with it the service's role would get the other's password.
    pub(crate) fn of(service_url: &Secret, spec: &Spec) -> Result<Option<Self>, MigrateError> {
        // As the driver reads it: a password with percent signs is not what stands in the URL.
        let config = config(service_url, "the service's database URL")?;
        if config.get_user() != Some(spec.role) {
            return Err(MigrateError::OtherUser { variable: DatabaseUrl::variable(spec.service), role: spec.role });
        }
        Ok(config.get_password().map(|password| Self(postgres_protocol::password::scram_sha_256(password))))
    }

    /// Made of letters, digits and `+/=:$-`: nothing in it ends a quote.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn config(url: &Secret, name: &'static str) -> Result<Config, MigrateError> {
    let target = crate::tls::Target::parse(url).map_err(|_secret| MigrateError::Url(name))?;
    Ok(target.map_err(|error| MigrateError::Tls(error.to_string()))?.config)
}

/// A slow hash of the administrator's password, once a process, and a fast one of it for each role.
fn derive(admin: &str, password: &[u8], role: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &stretched(admin, password));
    hmac::sign(&key, role.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn stretched(admin: &str, password: &[u8]) -> Key {
    static LAST: Mutex<Option<Stretched>> = Mutex::new(None);
    let salt = format!("{DERIVATION}\0{admin}");
    let asked = [salt.as_bytes(), b"\0", password].concat();
    let mut last = LAST.lock();
    if let Some(known) = last.as_ref().filter(|known| known.of == asked) {
        return known.key;
    }
    let mut key = Key::default();
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, ROUNDS, salt.as_bytes(), password, &mut key);
    *last = Some(Stretched { of: asked, key });
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn derived(admin_url: &str, spec: &Spec) -> Secret {
        derived_service_url(&Secret::new(admin_url), spec).unwrap()
    }

    fn password_of(url: &Secret) -> String {
        Url::parse(url.expose()).unwrap().password().unwrap().to_owned()
    }

    #[test]
    fn equal_for_every_process_and_different_for_every_role_administrator_and_password() {
        let one = derived("postgres://root:secret@db.example/main?sslmode=require", &Spec::GATEWAY);
        assert!(one.expose().starts_with("postgres://gateway:"), "{}", one.expose());
        assert!(one.expose().ends_with("@db.example/main?sslmode=require"), "{}", one.expose());
        // The value itself (`hashlib.pbkdf2_hmac` and `hmac` of Python agree): a release that derived another one could
        // not run beside this one.
        let known = "5385862b72336ae2c80b54aef7ec67043de9a56b1788a079d705e9b48ab06f29";
        assert_eq!(password_of(&one), known);
        // Another name of the same server, another database on it: roles are the server's.
        assert_eq!(password_of(&derived("postgres://root:secret@10.0.0.1/other", &Spec::GATEWAY)), known);
        // The same password, spelt otherwise.
        assert_eq!(password_of(&derived("postgres://root:s%65cret@db.example/main", &Spec::GATEWAY)), known);
        for (url, spec) in [
            ("postgres://root:secret@db.example/main", Spec::INGEST),
            ("postgres://admin:secret@db.example/main", Spec::GATEWAY),
            ("postgres://root:secret2@db.example/main", Spec::GATEWAY),
        ] {
            assert_ne!(password_of(&derived(url, &spec)), known, "{url} {}", spec.role);
        }
    }

    #[test]
    fn nothing_is_derived_from_no_password() {
        for url in ["postgres://root@db.example/main", "postgres://root:@db.example/main"] {
            let refused = derived_service_url(&Secret::new(url), &Spec::SYNC_WORKER).unwrap_err().to_string();
            assert!(refused.contains("SYNC_WORKER_DATABASE_URL"), "{refused}");
        }
    }

    #[test]
    fn a_verifier_holds_no_password() {
        let url = Secret::new("postgres://gateway:it%27s%20100%25@db.example/main");
        let verifier = Verifier::of(&url, &Spec::GATEWAY).unwrap().unwrap();
        assert!(verifier.as_str().starts_with("SCRAM-SHA-256$4096:"), "{verifier:?}");
        assert!(verifier.as_str().chars().all(|c| c.is_ascii_alphanumeric() || "+/=:$-".contains(c)), "{verifier:?}");
        assert_ne!(Some(verifier), Verifier::of(&url, &Spec::GATEWAY).unwrap(), "salted anew each time");
        let bare = Secret::new("postgres://gateway@db.example/main");
        assert_eq!(Verifier::of(&bare, &Spec::GATEWAY).unwrap(), None);
    }

    #[test]
    fn a_role_is_not_given_the_password_of_somebody_else() {
        let admin = Secret::new("postgres://root:secret@db.example/main");
        let refused = Verifier::of(&admin, &Spec::SYNC_WORKER).unwrap_err().to_string();
        assert!(refused.contains("SYNC_WORKER_DATABASE_URL") && refused.contains("sync_worker"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
}
