//! The environment of each process: what it needs, and of the secrets only its own. In particular the keys that open
//! refresh tokens are given to connector alone (law 6) and the administrator's database URL to nobody who serves.

use std::collections::BTreeMap;

use anyhow::Result;
use postrider_domain::Secret;
use postrider_storage::Spec;

use super::members::Member;
use super::options::StackOptions;
use super::secrets::{Secrets, keys_of};

/// The settings that point to the simulated Google, its topic and the account that signs its pushes.
const TOPIC: &str = "projects/postrider-demo/topics/gmail";
const SUBSCRIPTION: &str = "projects/postrider-demo/subscriptions/postrider-push";
const PUSH_ACCOUNT: &str = "gmail-push@postrider-demo.iam.gserviceaccount.com";
/// The intake's path; the push audience is the public origin and this.
const PUSH_PATH: &str = "/api/email/webhook/google/pubsub";

/// Fifty fetches a second and user: fast, and still slow enough to watch.
const FAST_QUOTA: &str = "user=60000,project=4000000,day=1000000000";

/// What a child keeps of the environment it is started from: where things are, never a setting of ours.
const INHERITED: [&str; 10] =
    ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "RUST_BACKTRACE", "SSL_CERT_FILE", "GLIBC_TUNABLES"];

/// How the allocator of the one process keeps its heap small (docs/adr/0039): one arena for all threads, and what is large
/// goes back to the system as soon as it is free.
const SMALL_HEAP: &str = "glibc.malloc.arena_max=1:glibc.malloc.mmap_threshold=32768:glibc.malloc.trim_threshold=65536";

/// Settings that belong to some members only; everybody else never sees them.
fn may_know(member: Member, name: &str) -> bool {
    let name = name.strip_suffix("_FILE").unwrap_or(name);
    if member == Member::AllInOne {
        // What only one of them may know is then kept apart by modules alone.
        return !matches!(name, "DATABASE_URL" | "AMQP_URL");
    }
    match name {
        "DATABASE_URL" => false,
        "ENCRYPTION_KEYS" | "FERNET_SECRET" | "ENCRYPTION_KEY" | "GMAIL_REFRESH_TOKEN" => member == Member::Connector,
        "GOOGLE_CLIENT_SECRET" | "GMAIL_CLIENT_SECRET" | "GOOGLE_DESKTOP_CLIENT_SECRET" => {
            matches!(member, Member::Connector | Member::GmailSim)
        }
        "JWT_SECRET" => matches!(member, Member::Gateway | Member::Notification),
        "SMTP_URL" | "VAPID_PRIVATE_KEY" | "NOTIFICATION_ENCRYPTION_KEYS" => member == Member::Notification,
        "INTERNAL_KEYS" => member != Member::GmailSim,
        "AMQP_URL" => !matches!(member, Member::GmailSim | Member::Gateway),
        _ => match name.strip_suffix("_DATABASE_URL") {
            Some(prefix) => prefix == member.prefix(),
            None => true,
        },
    }
}

pub(super) fn env_of(
    options: &StackOptions,
    secrets: &Secrets,
    member: Member,
    replica: usize,
) -> Result<BTreeMap<String, String>> {
    let mut env = BTreeMap::new();
    for name in ["JWT_SECRET", "ENCRYPTION_KEYS", "NOTIFICATION_ENCRYPTION_KEYS", "INTERNAL_KEYS"] {
        if !is_set_otherwise(&options.overrides, name) {
            put(&mut env, name, secrets.get(name).unwrap_or_default());
        }
    }
    if options.overrides.contains_key("JWT_JWKS_URL") {
        env.remove("JWT_SECRET");
    }
    put(&mut env, "AMQP_URL", options.amqp_url.expose());
    put(&mut env, "APP_PUBLIC_URL", &options.ports.public_url());
    put(&mut env, "LOG_FORMAT", "pretty");
    if options.simulator {
        simulator(&mut env, options, secrets);
    }
    let services = if member == Member::AllInOne { &Member::SERVICES[..] } else { &[member] };
    for service in services {
        if let Some(spec) = service.spec()
            && !is_set_otherwise(&options.overrides, &format!("{}_DATABASE_URL", service.prefix()))
        {
            put(&mut env, &format!("{}_DATABASE_URL", service.prefix()), database_url(options, &spec)?.expose());
        }
    }
    env.extend(options.overrides.clone());
    // Addresses come last: a second process of a member cannot listen where the first does.
    addresses(&mut env, options, member, replica);
    if let Some(keys) = env.get_mut("INTERNAL_KEYS").filter(|_| member != Member::AllInOne) {
        *keys = keys_of(keys, member.name());
    }
    env.retain(|name, value| may_know(member, name) && !value.is_empty());
    for name in INHERITED {
        if let Some(value) = std::env::var_os(name).and_then(|value| value.into_string().ok()) {
            env.entry(name.to_owned()).or_insert(value);
        }
    }
    if member == Member::AllInOne {
        env.entry("GLIBC_TUNABLES".to_owned()).or_insert_with(|| SMALL_HEAP.to_owned());
    }
    Ok(env)
}

/// Whether somebody set it by a file or by an older name: one of ours beside it would win, or be one too many.
fn is_set_otherwise(overrides: &BTreeMap<String, String>, name: &str) -> bool {
    let older: &[&str] = match name {
        "ENCRYPTION_KEYS" => &["FERNET_SECRET", "ENCRYPTION_KEY"],
        "GOOGLE_CLIENT_ID" => &["GMAIL_CLIENT_ID"],
        "GOOGLE_CLIENT_SECRET" => &["GMAIL_CLIENT_SECRET"],
        _ => &[],
    };
    let named = |name: &str| overrides.contains_key(name) || overrides.contains_key(&format!("{name}_FILE"));
    overrides.contains_key(&format!("{name}_FILE")) || older.iter().any(|name| named(name))
}

/// What a member's `migrate` needs of all settings: the administrator's URL, the service's own, and how it logs.
pub(super) fn env_to_migrate(settings: &BTreeMap<String, String>, member: Member) -> BTreeMap<String, String> {
    let own = format!("{}_DATABASE_URL", member.prefix());
    let needed = |name: &str| {
        let plain = name.strip_suffix("_FILE").unwrap_or(name);
        plain == "DATABASE_URL" || plain == own || name.starts_with("LOG_") || INHERITED.contains(&name)
    };
    settings.iter().filter(|(name, _)| needed(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The service's own URL: one that was set wins, else it is derived from the administrator's.
pub(super) fn database_url(options: &StackOptions, spec: &Spec) -> Result<Secret> {
    let name = format!("{}_DATABASE_URL", spec.role.to_ascii_uppercase());
    match options.overrides.get(&name) {
        Some(url) => Ok(Secret::new(url.clone())),
        None => Ok(postrider_storage::migrate::derived_service_url(&options.database_url, spec)?),
    }
}

fn addresses(env: &mut BTreeMap<String, String>, options: &StackOptions, member: Member, replica: usize) {
    let ports = options.ports;
    put(env, "PORT_BASE", &ports.base.to_string());
    if replica == 0 {
        return;
    }
    let loopback = |port: u16| format!("127.0.0.1:{port}");
    let prefix = member.prefix();
    // Others are found at the first processes; only where this one listens itself is moved.
    for other in Member::SERVICES {
        let url = format!("http://{}/", loopback(ports.of(other, 0)));
        env.entry(format!("{}_URL", other.prefix())).or_insert(url);
    }
    env.entry("SOCKETIO_URL".to_owned()).or_insert(format!("http://{}/", loopback(ports.socketio(0))));
    put(env, &format!("{prefix}_ADDR"), &loopback(ports.of(member, replica)));
    put(env, &format!("{prefix}_ADMIN_ADDR"), &loopback(ports.admin_of(member, replica)));
    if member == Member::Notification {
        put(env, "SOCKETIO_ADDR", &loopback(ports.socketio(replica)));
    }
}

fn simulator(env: &mut BTreeMap<String, String>, options: &StackOptions, secrets: &Secrets) {
    let origin = format!("http://127.0.0.1:{}", options.ports.of(Member::GmailSim, 0));
    for name in ["GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET"] {
        if !is_set_otherwise(&options.overrides, name) {
            put(env, name, secrets.get(name).unwrap_or_default());
        }
    }
    put(env, "GOOGLE_AUTH_URL", &format!("{origin}/o/oauth2/v2/auth"));
    put(env, "GOOGLE_TOKEN_URL", &format!("{origin}/token"));
    put(env, "GOOGLE_REVOKE_URL", &format!("{origin}/revoke"));
    put(env, "GOOGLE_JWKS_URL", &format!("{origin}/oauth2/v3/certs"));
    put(env, "GMAIL_API_URL", &format!("{origin}/"));
    put(env, "PUBSUB_API_URL", &format!("{origin}/"));
    put(env, "GMAIL_PUBSUB_TOPIC", TOPIC);
    put(env, "PUBSUB_SUBSCRIPTION", SUBSCRIPTION);
    put(env, "PUBSUB_SERVICE_ACCOUNT", PUSH_ACCOUNT);
    put(env, "PUBSUB_AUDIENCE", &format!("{}{PUSH_PATH}", options.ports.public_url()));
    // By address: `localhost` may be tried over IPv6 first.
    let gateway = options.ports.of(Member::Gateway, 0);
    put(env, "GMAIL_SIM_PUSH_URL", &format!("http://127.0.0.1:{gateway}{PUSH_PATH}"));
    // Google's allowance of 300 fetches a minute would make a demo wait; both sides are told the same faster one.
    put(env, "GMAIL_SIM_QUOTA", "off");
    put(env, "GMAIL_QUOTA", FAST_QUOTA);
}

fn put(env: &mut BTreeMap<String, String>, name: &str, value: &str) {
    env.insert(name.to_owned(), value.to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::{Lifetime, Ports, Shape};

    fn options() -> StackOptions {
        StackOptions {
            dir: "/tmp/none".into(),
            bin_dir: "/tmp/none".into(),
            ports: Ports { base: 9_000 },
            database_url: Secret::new("postgres://postrider:pw@127.0.0.1:9432/postrider"),
            shape: Shape::Services,
            amqp_url: Secret::new("amqp://postrider:pw@127.0.0.1:9672/%2f"),
            simulator: true,
            overrides: BTreeMap::new(),
            lifetime: Lifetime::WithStack,
        }
    }

    fn env(options: &StackOptions, member: Member, replica: usize) -> BTreeMap<String, String> {
        env_of(options, &Secrets::for_tests(), member, replica).unwrap()
    }

    #[test]
    fn only_connector_gets_the_sealing_keys_and_nobody_the_administrator() {
        for member in Member::SERVICES.into_iter().chain([Member::GmailSim]) {
            let env = env(&options(), member, 0);
            assert_eq!(env.contains_key("ENCRYPTION_KEYS"), member == Member::Connector, "{member}");
            assert!(!env.contains_key("DATABASE_URL"), "{member}");
            let databases: Vec<_> = env.keys().filter(|name| name.ends_with("_DATABASE_URL")).collect();
            let own = member.spec().map(|_| format!("{}_DATABASE_URL", member.prefix()));
            assert_eq!(databases, own.iter().collect::<Vec<_>>(), "{member}");
        }
    }

    #[test]
    fn every_service_understands_its_settings() {
        for member in Member::SERVICES {
            let env = postrider_runtime::Env::from_pairs(env(&options(), member, 0));
            env.check().unwrap();
        }
    }

    #[test]
    fn one_process_for_all_knows_all_but_the_administrator_and_a_broker() {
        let env = env(&options().in_one_process(), Member::AllInOne, 0);
        assert!(!env.contains_key("DATABASE_URL") && !env.contains_key("AMQP_URL"));
        for member in Member::SERVICES {
            assert!(env.contains_key(&format!("{}_DATABASE_URL", member.prefix())), "{member}");
        }
        assert!(env.contains_key("ENCRYPTION_KEYS") && env.contains_key("JWT_SECRET"));
        assert!(env.get("INTERNAL_KEYS").is_some_and(|keys| keys.contains("gateway") && keys.contains("sync-worker")));
        postrider_runtime::Env::from_pairs(env).check().unwrap();
    }

    #[test]
    fn a_second_process_listens_elsewhere_and_finds_the_others_where_they_are() {
        let env = env(&options(), Member::Notification, 1);
        assert_eq!(env.get("NOTIFICATION_ADDR").unwrap(), "127.0.0.1:9103");
        assert_eq!(env.get("SOCKETIO_ADDR").unwrap(), "127.0.0.1:9113");
        assert_eq!(env.get("NOTIFICATION_ADMIN_ADDR").unwrap(), "127.0.0.1:10203");
        assert_eq!(env.get("CONNECTOR_URL").unwrap(), "http://127.0.0.1:9001/");
        assert_eq!(env.get("PORT_BASE").unwrap(), "9000");
    }

    #[test]
    fn overrides_win_but_reach_only_those_who_may_know_them() {
        let options = options().with("SPAM_HOLD_SECONDS", "0").with("ENCRYPTION_KEYS", "mine");
        assert_eq!(env(&options, Member::Connector, 0).get("ENCRYPTION_KEYS").unwrap(), "mine");
        assert!(!env(&options, Member::Notification, 0).contains_key("ENCRYPTION_KEYS"));
        assert_eq!(env(&options, Member::Notification, 0).get("SPAM_HOLD_SECONDS").unwrap(), "0");
    }

    #[test]
    fn secrets_in_files_and_under_older_names_are_not_overruled_by_made_ones() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "the secret of this very file, long enough").unwrap();
        let path = file.path().to_str().unwrap();
        let options = options().with("JWT_SECRET_FILE", path).with("FERNET_SECRET", "mine");
        let gateway = postrider_runtime::Env::from_pairs(env(&options, Member::Gateway, 0));
        assert!(gateway.secret("JWT_SECRET").unwrap().expose().contains("this very file"));
        let connector = postrider_runtime::Env::from_pairs(env(&options, Member::Connector, 0));
        assert_eq!(connector.secret("ENCRYPTION_KEYS").unwrap().expose(), "mine");
        crate::token::issue_by(&gateway, "acme", "ada").unwrap();
    }

    #[test]
    fn a_migration_gets_its_own_url_and_the_administrators() {
        let names =
            ["DATABASE_URL_FILE", "GATEWAY_DATABASE_URL", "INGEST_DATABASE_URL", "JWT_SECRET", "LOG_LEVEL", "PATH"];
        let all = names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect();
        let given: Vec<_> = env_to_migrate(&all, Member::Gateway).into_keys().collect();
        assert_eq!(given, ["DATABASE_URL_FILE", "GATEWAY_DATABASE_URL", "LOG_LEVEL", "PATH"]);
    }

    #[test]
    fn without_a_simulator_nothing_points_to_one() {
        let options = StackOptions { simulator: false, ..options() };
        let env = env(&options, Member::Connector, 0);
        assert!(!env.contains_key("GMAIL_API_URL") && !env.contains_key("GOOGLE_CLIENT_ID"));
        assert!(!env.contains_key("PUBSUB_SERVICE_ACCOUNT"));
    }
}
