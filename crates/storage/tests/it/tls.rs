//! Every `sslmode` against a Postgres of its own, without a certificate and with one.

use std::time::Duration;

use postrider_domain::Secret;
use postrider_storage::connect::{Session, open};
use postrider_storage::{AsyncPgConnection, Value, sql};
use postrider_testing::services::{Pair, Parts};
use postrider_testing::until;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

async fn connect(url: &Secret, query: &str) -> Result<AsyncPgConnection, String> {
    let session = Session {
        application_name: "test".to_owned(),
        schema: String::new(),
        statement_timeout: Duration::from_secs(5),
    };
    open(&Secret::new(format!("{}?{query}", url.expose())), &session).await.map_err(|error| error.to_string())
}

/// Whether the connection that these parameters give is encrypted.
async fn encrypted(url: &Secret, query: &str) -> Result<bool, String> {
    let conn = connect(url, query).await?;
    let ssl = sql("SELECT ssl AS value FROM pg_stat_ssl WHERE pid = pg_backend_pid()");
    Ok(ssl.get_result::<Value<bool>>(&conn).await.unwrap().0)
}

/// An authority and a server certificate of its own for the given name, as PEM: (authority, certificate, key).
fn certificates(name: &str) -> (String, String, String) {
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    (authority.pem(), server.pem(), key.serialize_pem())
}

/// Puts the certificate into the running server. The files belong to the server's user, who alone may read the key.
async fn install(url: &Secret, certificate: &str, key: &str) {
    let conn = connect(url, "sslmode=disable").await.unwrap();
    for (file, pem) in [("server.crt", certificate), ("server.key", key)] {
        let lines = pem.lines().map(|line| format!("'{line}'")).collect::<Vec<_>>().join(", ");
        let home = sql("SELECT setting AS value FROM pg_settings WHERE name = 'data_directory'");
        let home = home.get_result::<Value<String>>(&conn).await.unwrap().0;
        let copy = format!("COPY (SELECT unnest(ARRAY[{lines}])) TO PROGRAM 'umask 077; cat > {home}/{file}'");
        postrider_storage::Statement::dynamic(copy).execute(&conn).await.unwrap();
    }
    sql("ALTER SYSTEM SET ssl = on").execute(&conn).await.unwrap();
    sql("SELECT pg_reload_conf()").execute(&conn).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sslmode_means_what_libpq_says() {
    let pair = tokio::task::spawn_blocking(|| Pair::start(Parts::Postgres)).await.unwrap().unwrap();
    let url = pair.servers().database_url.clone();
    // Without a certificate the server speaks no TLS.
    assert_eq!(encrypted(&url, "sslmode=disable").await, Ok(false));
    assert_eq!(encrypted(&url, "sslmode=prefer").await, Ok(false));
    for strict in ["require", "verify-ca", "verify-full"] {
        assert!(encrypted(&url, &format!("sslmode={strict}")).await.is_err(), "{strict} without TLS");
    }

    // Tests reach the server at 127.0.0.1.
    let (authority, certificate, key) = certificates("127.0.0.1");
    let folder = tempfile::tempdir().unwrap();
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, authority).unwrap();
    let ca = ca.display();
    install(&url, &certificate, &key).await;
    until("the server to speak TLS", async || encrypted(&url, "sslmode=require").await == Ok(true)).await;
    assert_eq!(encrypted(&url, "sslmode=disable").await, Ok(false));
    assert_eq!(encrypted(&url, "sslmode=prefer").await, Ok(true));
    for strict in ["require", "verify-ca", "verify-full"] {
        assert_eq!(encrypted(&url, &format!("sslmode={strict}&sslrootcert={ca}")).await, Ok(true), "{strict}");
    }
    // An authority nobody named is not trusted.
    for strict in ["verify-ca", "verify-full", "verify-full&sslrootcert=system"] {
        let refused = encrypted(&url, &format!("sslmode={strict}")).await.unwrap_err();
        assert!(refused.contains("UnknownIssuer"), "{strict}: {refused}");
    }

    // Another name in a certificate of the right authority.
    let (authority, certificate, key) = certificates("db.example.com");
    std::fs::write(folder.path().join("ca.pem"), authority).unwrap();
    install(&url, &certificate, &key).await;
    let right_authority = format!("sslmode=verify-ca&sslrootcert={ca}");
    until("the new certificate", async || encrypted(&url, &right_authority).await == Ok(true)).await;
    let refused = encrypted(&url, &format!("sslmode=verify-full&sslrootcert={ca}")).await.unwrap_err();
    assert!(refused.contains("certificate"), "{refused}");
}

#[test]
fn a_wrong_sslmode_stops_the_start_and_shows_no_password() {
    let url = Secret::new("postgres://me:hunter2@localhost/db?sslmode=always");
    let error = postrider_storage::connect::check(&url).unwrap_err().to_string();
    assert!(error.contains("sslmode") && error.contains("verify-full") && !error.contains("hunter2"), "{error}");
}
