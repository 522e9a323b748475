//! What the service reads from the environment: `CONNECTOR_ADDR`, `CONNECTOR_ADMIN_ADDR`, `CONNECTOR_DATABASE_URL`,
//! `AMQP_URL`, `INTERNAL_KEYS`, `ENCRYPTION_KEYS`, `APP_PUBLIC_URL`, `GOOGLE_*`, `GMAIL_API_URL`, `GMAIL_PUBSUB_TOPIC`,
//! `OAUTH_RETURN_ORIGINS`, `OAUTH_AUTO_CONFIRM`, `GMAIL_REFRESH_TOKEN`, `BOOTSTRAP_TENANT`, `BOOTSTRAP_USER`.

use chrono::TimeDelta;
use postrider_domain::{Secret, TenantId, UserId};
use postrider_google_auth::oauth::Scopes;
use postrider_runtime::ConfigErrors;
use postrider_runtime::config::{Amqp, DatabaseUrl, Env, Listen, PublicUrl, all};
use postrider_web::{InternalKeys, Origins};
use url::Url;

use crate::rules::topic;
use crate::vault::Vault;

/// Who calls whom, this service among them.
const PAIRS: [(&str, &str); 3] =
    [("gateway", "connector"), ("sync-worker", "connector"), ("notification", "connector")];

/// The service's name in settings, tokens and events.
pub const NAME: &str = "connector";
/// Where Google sends people back to.
pub const CALLBACK_PATH: &str = "/gmail/auth/callback";

/// Everything the service is started with.
#[derive(Debug, Clone)]
pub struct Config {
    pub listen: Listen,
    pub database: DatabaseUrl,
    pub amqp: Amqp,
    pub internal_keys: InternalKeys,
    pub vault: Vault,
    /// Absent: connecting answers 503.
    pub google: Option<GoogleSettings>,
    pub settings: Settings,
    pub bootstrap: Option<Bootstrap>,
}

/// The OAuth client and where Google is.
#[derive(Debug, Clone)]
pub struct GoogleSettings {
    pub client_id: String,
    pub client_secret: Secret,
    /// The client of programs on people's own machines, beside the one above.
    pub desktop: Option<DesktopClient>,
    pub redirect_uri: String,
    pub scopes: Scopes,
    pub auth_url: Url,
    pub token_url: Url,
    pub revoke_url: Url,
    pub api_url: Url,
    pub issuer: String,
}

/// An OAuth client of the type "Desktop app": its consents end at a loopback address of the machine they began on.
#[derive(Debug, Clone)]
pub struct DesktopClient {
    pub client_id: String,
    pub client_secret: Secret,
}

impl DesktopClient {
    fn load(env: &Env) -> Result<Option<Self>, ConfigErrors> {
        let Some(client_id) = env.optional("GOOGLE_DESKTOP_CLIENT_ID") else { return Ok(None) };
        let client_secret = env.secret("GOOGLE_DESKTOP_CLIENT_SECRET")?;
        Ok(Some(Self { client_id, client_secret }))
    }
}

/// What handlers and jobs decide by.
#[derive(Debug, Clone)]
pub struct Settings {
    pub app_public_url: Url,
    pub return_origins: Origins,
    /// Connect without the confirm page; for simulators.
    pub auto_confirm: bool,
    /// Google's push watch is started for every account when this is set.
    pub pubsub_topic: Option<String>,
    /// How often an unused grant is looked at.
    pub token_check_every: TimeDelta,
}

/// An account that is connected at the start.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    pub refresh_token: Secret,
    pub tenant: TenantId,
    pub user: UserId,
}

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// All that is missing or malformed.
    pub fn load(env: &Env) -> Result<Self, ConfigErrors> {
        let public = PublicUrl::load(env);
        let callback = public.as_ref().map(|url| format!("{}{CALLBACK_PATH}", url.origin())).unwrap_or_default();
        let (listen, database, amqp, internal_keys, vault, google, settings, bootstrap) = all((
            Listen::load(env, NAME),
            DatabaseUrl::load(env, NAME),
            Amqp::load(env),
            InternalKeys::load_pairs(env, &PAIRS),
            Vault::load(env),
            GoogleSettings::load(env, callback),
            public.and_then(|public| Settings::load(env, public)),
            Bootstrap::load(env),
        ))?;
        if let Some(google) = google.as_ref().filter(|google| settings.auto_confirm && google.is_googles_own()) {
            return Err(no_confirmation(google));
        }
        Ok(Self { listen, database, amqp, internal_keys, vault, google, settings, bootstrap })
    }
}

/// Without the confirm page anybody with an account here could send a stranger a link whose consent connects the
/// stranger's mailbox to the sender. A simulator has no strangers.
fn no_confirmation(google: &GoogleSettings) -> ConfigErrors {
    let at = google.auth_url.host_str().unwrap_or_default();
    ConfigErrors::one(
        "OAUTH_AUTO_CONFIRM",
        format!("is true while people consent at {at}"),
        "It is for simulated Googles: take it away, or point GOOGLE_AUTH_URL and GOOGLE_TOKEN_URL at one",
    )
}

/// A Desktop client is one more way to consent: whoever sets it alone would learn after the consent that it is not used.
fn no_web_client() -> ConfigErrors {
    ConfigErrors::one(
        "GOOGLE_DESKTOP_CLIENT_ID",
        "is set and GOOGLE_CLIENT_ID is not".to_owned(),
        "Make a Web client in the same project too, and set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET (docs/google.md)",
    )
}

impl GoogleSettings {
    /// Whether real people with real mailboxes come from there.
    fn is_googles_own(&self) -> bool {
        let of = |host: &str, domain: &str| host == domain || host.ends_with(&format!(".{domain}"));
        let own = |url: &Url| {
            // A name may be written with a full stop at its end.
            let host = url.host_str().unwrap_or_default().trim_end_matches('.').to_ascii_lowercase();
            of(&host, "google.com") || of(&host, "googleapis.com")
        };
        own(&self.auth_url) || own(&self.token_url) || own(&self.api_url)
    }

    fn load(env: &Env, callback: String) -> Result<Option<Self>, ConfigErrors> {
        let Some(client_id) = env.optional("GOOGLE_CLIENT_ID") else {
            return match env.optional("GOOGLE_DESKTOP_CLIENT_ID") {
                Some(_) => Err(no_web_client()),
                None => Ok(None),
            };
        };
        let (client_secret, desktop, auth_url, token_url, revoke_url, api_url, redirect, issuer) = all((
            env.secret("GOOGLE_CLIENT_SECRET"),
            DesktopClient::load(env),
            env.parse::<Url>("GOOGLE_AUTH_URL"),
            env.parse::<Url>("GOOGLE_TOKEN_URL"),
            env.parse::<Url>("GOOGLE_REVOKE_URL"),
            env.parse::<Url>("GMAIL_API_URL"),
            env.parse_optional::<Url>("GOOGLE_REDIRECT_URI"),
            env.required("GOOGLE_ISSUER"),
        ))?;
        let scopes = Scopes::parse(&env.required("GOOGLE_SCOPES")?);
        let redirect_uri = redirect.map_or(callback, String::from);
        Ok(Some(Self {
            client_id,
            client_secret,
            desktop,
            redirect_uri,
            scopes,
            auth_url,
            token_url,
            revoke_url,
            api_url,
            issuer,
        }))
    }
}

impl Settings {
    fn load(env: &Env, public: PublicUrl) -> Result<Self, ConfigErrors> {
        let (return_origins, auto_confirm, pubsub_topic) =
            all((Origins::load_named(env, "OAUTH_RETURN_ORIGINS"), env.flag("OAUTH_AUTO_CONFIRM"), pubsub_topic(env)))?;
        Ok(Self {
            app_public_url: public.0,
            return_origins,
            auto_confirm,
            pubsub_topic,
            token_check_every: TimeDelta::hours(1),
        })
    }
}

fn pubsub_topic(env: &Env) -> Result<Option<String>, ConfigErrors> {
    const NAME: &str = "GMAIL_PUBSUB_TOPIC";
    match env.optional(NAME) {
        Some(name) if !topic::is_valid(&name) => {
            Err(env.malformed(NAME, "it has not the form projects/<project>/topics/<topic>"))
        }
        name => Ok(name),
    }
}

impl Bootstrap {
    fn load(env: &Env) -> Result<Option<Self>, ConfigErrors> {
        let Some(refresh_token) = env.optional_secret("GMAIL_REFRESH_TOKEN")? else { return Ok(None) };
        let (tenant, user) = all((env.parse::<TenantId>("BOOTSTRAP_TENANT"), env.parse::<UserId>("BOOTSTRAP_USER")))?;
        Ok(Some(Self { refresh_token, tenant, user }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_desktop_client_is_not_set_in_vain() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            GoogleSettings::load(&Env::from_pairs(pairs.iter().copied()), String::new())
        };
        let alone = of(&[("GOOGLE_DESKTOP_CLIENT_ID", "d")]).unwrap_err().to_string();
        assert!(alone.contains("GOOGLE_CLIENT_ID is not"), "{alone}");
        assert!(of(&[]).unwrap().is_none());
    }
}
