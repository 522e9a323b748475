//! The program's settings. What the services and Google must agree on (OAuth client, topic, subscription, service
//! account) has one name for both sides; what is the simulator's alone starts with `GMAIL_SIM_`.

use postrider_gmail_sim::oauth::DesktopClient;
use postrider_gmail_sim::push::PushConfig;
use postrider_gmail_sim::{Faults, MailboxSpec, OAuthConfig, Quota, SimConfig, Sizes};
use postrider_runtime::config::{self, ConfigErrors, Env, PublicUrl, listener_addr};

/// The intake's path below the public origin; pushes go there unless `GMAIL_SIM_PUSH_URL` says otherwise.
const PUSH_PATH: &str = "/api/email/webhook/google/pubsub";

/// Reads and checks the settings.
pub(crate) fn load(env: &Env) -> Result<SimConfig, ConfigErrors> {
    let (addr, seed, workers, auto_consent, mailboxes, quota, faults, push) = config::all((
        listener_addr(env, "gmail-sim").and_then(|addr| match addr.ip().is_loopback() {
            true => Ok(addr),
            false => Err(wrong(
                "GMAIL_SIM_ADDR",
                "is not a loopback address: gmail-sim answers anyone who asks",
                "Use 127.0.0.1",
            )),
        }),
        env.parse_or("GMAIL_SIM_SEED", 1_u64),
        env.parse_or("GMAIL_SIM_WORKERS", 2_usize),
        env.flag("GMAIL_SIM_AUTO_CONSENT"),
        mailboxes(env),
        quota(env),
        faults(env),
        push(env),
    ))?;
    let usual = OAuthConfig::default();
    let desktop = match env.optional("GOOGLE_DESKTOP_CLIENT_ID") {
        Some(client_id) => {
            let client_secret = env.secret("GOOGLE_DESKTOP_CLIENT_SECRET")?.expose().to_owned();
            Some(DesktopClient { client_id, client_secret })
        }
        None => None,
    };
    let oauth = OAuthConfig {
        client_id: env.optional("GOOGLE_CLIENT_ID").unwrap_or(usual.client_id),
        client_secret: env
            .optional_secret("GOOGLE_CLIENT_SECRET")?
            .map_or(usual.client_secret, |secret| secret.expose().to_owned()),
        desktop,
        auto_consent,
        ..OAuthConfig::default()
    };
    let issuer = env.optional("GOOGLE_ISSUER").unwrap_or_else(|| SimConfig::default().issuer);
    Ok(SimConfig {
        addr,
        seed,
        mailboxes,
        oauth,
        push,
        quota,
        faults,
        issuer,
        workers: workers.max(1),
        ..SimConfig::default()
    })
}

fn mailboxes(env: &Env) -> Result<Vec<MailboxSpec>, ConfigErrors> {
    let sizes = match env.optional("GMAIL_SIM_SIZES").as_deref() {
        None | Some("realistic") => Sizes::Realistic,
        Some("small") => Sizes::Small,
        Some(_) => return Err(wrong("GMAIL_SIM_SIZES", "is no size", "Use realistic or small")),
    };
    let mailbox = |spec: String| {
        let (address, size) = spec.rsplit_once(':')?;
        Some(MailboxSpec { sizes, ..MailboxSpec::new(address, size.parse().ok()?) })
    };
    let specs: Option<Vec<_>> = env.list("GMAIL_SIM_MAILBOXES").into_iter().map(mailbox).collect();
    specs.ok_or_else(|| wrong("GMAIL_SIM_MAILBOXES", "is not address:size,…", "Write for example demo@example.com:500"))
}

fn quota(env: &Env) -> Result<Quota, ConfigErrors> {
    let named = env.optional("GMAIL_SIM_QUOTA").unwrap_or_else(|| "2026".to_owned());
    Quota::named(&named).ok_or_else(|| wrong("GMAIL_SIM_QUOTA", "is no quota", "Use 2026, legacy or off"))
}

fn faults(env: &Env) -> Result<Faults, ConfigErrors> {
    let named = env.optional("GMAIL_SIM_FAULTS").unwrap_or_else(|| "off".to_owned());
    Faults::named(&named).ok_or_else(|| wrong("GMAIL_SIM_FAULTS", "is no set of faults", "Use off, lag or full"))
}

fn push(env: &Env) -> Result<PushConfig, ConfigErrors> {
    let usual = PushConfig::default();
    let topic = env.optional("GMAIL_PUBSUB_TOPIC");
    let endpoint = match env.optional("GMAIL_SIM_PUSH_URL") {
        Some(url) => Some(url),
        // Without a topic nobody watches, so nothing needs to be pushed.
        None if topic.is_some() => Some(format!("{}{PUSH_PATH}", PublicUrl::load(env)?.origin())),
        None => None,
    };
    Ok(PushConfig {
        endpoint,
        audience: env.optional("PUBSUB_AUDIENCE"),
        service_account: env.optional("PUBSUB_SERVICE_ACCOUNT").unwrap_or(usual.service_account),
        subscription: env.optional("PUBSUB_SUBSCRIPTION").unwrap_or(usual.subscription),
        topic: topic.unwrap_or(usual.topic),
        unwrapped: env.flag("GMAIL_SIM_PUSH_UNWRAPPED")?,
        ..PushConfig::default()
    })
}

fn wrong(name: &str, problem: &str, remedy: &str) -> ConfigErrors {
    ConfigErrors::one(name, problem, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_names_and_defaults() {
        let config = load(&Env::from_pairs([
            ("GMAIL_PUBSUB_TOPIC", "projects/p/topics/t"),
            ("APP_PUBLIC_URL", "http://localhost:9000"),
            ("GOOGLE_CLIENT_ID", "c"),
            ("PORT_BASE", "9000"),
        ]))
        .unwrap();
        assert_eq!(config.addr.port(), 9_090);
        assert_eq!(config.push.endpoint.as_deref(), Some("http://localhost:9000/api/email/webhook/google/pubsub"));
        assert_eq!((config.oauth.client_id.as_str(), config.mailboxes.len()), ("c", 1));
        assert_eq!((config.quota, config.faults), (Quota::gmail_2026(), Faults::Off));
        assert!(load(&Env::from_pairs([("LOG_LEVEL", "info")])).unwrap().push.endpoint.is_none());
    }

    #[test]
    fn wrong_settings_are_named() {
        for (name, value) in [
            ("GMAIL_SIM_ADDR", "0.0.0.0:8090"),
            ("GMAIL_SIM_MAILBOXES", "demo@example.com"),
            ("GMAIL_SIM_SIZES", "huge"),
            ("GMAIL_SIM_QUOTA", "1999"),
            ("GMAIL_SIM_FAULTS", "some"),
            ("GMAIL_SIM_AUTO_CONSENT", "perhaps"),
        ] {
            let errors = load(&Env::from_pairs([(name, value)])).unwrap_err();
            assert!(errors.to_string().contains(name), "{errors}");
        }
    }
}
