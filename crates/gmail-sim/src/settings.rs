//! The program's settings, from flags or the environment.

use std::net::SocketAddr;

use anyhow::{Context as _, bail};
use clap::Args;
use gmail_sim::push::PushConfig;
use gmail_sim::{MailboxSpec, OAuthConfig, Quota, SimConfig, Sizes};

/// Settings of `gmail-sim serve`.
#[derive(Debug, Args)]
pub(crate) struct Settings {
    /// Loopback address to listen on; PORT_BASE + 90 by default.
    #[arg(long, env = "GMAIL_SIM_ADDR")]
    addr: Option<SocketAddr>,
    /// First of the ports that a checkout uses.
    #[arg(long, env = "PORT_BASE", default_value_t = 8_000)]
    port_base: u16,
    /// The same seed gives the same mailboxes and keys.
    #[arg(long, env = "GMAIL_SIM_SEED", default_value_t = 1)]
    seed: u64,
    /// Mailboxes to start with: `address:size`, separated by commas.
    #[arg(long, env = "GMAIL_SIM_MAILBOXES", default_value = "demo@example.com:500")]
    mailboxes: String,
    /// How large their mails are: `realistic` or `small`.
    #[arg(long, env = "GMAIL_SIM_SIZES", default_value = "realistic")]
    sizes: String,
    /// Skip the consent page.
    #[arg(long, env = "GMAIL_SIM_AUTO_CONSENT", default_value_t = false, action = clap::ArgAction::Set)]
    auto_consent: bool,
    /// OAuth client that may sign in.
    #[arg(long, env = "GMAIL_SIM_CLIENT_ID", default_value = "sim-client.apps.googleusercontent.com")]
    client_id: String,
    /// Its secret.
    #[arg(long, env = "GMAIL_SIM_CLIENT_SECRET", default_value = "sim-secret", hide_env_values = true)]
    client_secret: String,
    /// `iss` of id_tokens and push tokens.
    #[arg(long, env = "GMAIL_SIM_ISSUER", default_value = "https://accounts.google.com")]
    issuer: String,
    /// `2026`, `legacy` or `off`.
    #[arg(long, env = "GMAIL_SIM_QUOTA", default_value = "2026")]
    quota: String,
    /// Where pushes are sent; none are sent without it.
    #[arg(long, env = "GMAIL_SIM_PUSH_URL")]
    push_url: Option<String>,
    /// `aud` of the push token; the push URL by default.
    #[arg(long, env = "GMAIL_SIM_PUSH_AUDIENCE")]
    push_audience: Option<String>,
    /// `email` of the push token.
    #[arg(long, env = "GMAIL_SIM_PUSH_SERVICE_ACCOUNT")]
    push_service_account: Option<String>,
    /// Subscription named in pushes.
    #[arg(long, env = "GMAIL_SIM_PUSH_SUBSCRIPTION")]
    push_subscription: Option<String>,
    /// Topic the subscription listens to.
    #[arg(long, env = "GMAIL_SIM_PUSH_TOPIC")]
    push_topic: Option<String>,
    /// Push the bare notification, metadata in headers.
    #[arg(long, env = "GMAIL_SIM_PUSH_UNWRAPPED", default_value_t = false, action = clap::ArgAction::Set)]
    push_unwrapped: bool,
    /// Threads that answer HTTP.
    #[arg(long, env = "GMAIL_SIM_WORKERS", default_value_t = 2)]
    workers: usize,
}

impl Settings {
    /// The checked configuration; the error names the setting and the remedy.
    pub(crate) fn config(&self) -> anyhow::Result<SimConfig> {
        let port = self.port_base.checked_add(90).context("PORT_BASE is too large: use at most 65445")?;
        let addr = self.addr.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], port)));
        if !addr.ip().is_loopback() {
            bail!("GMAIL_SIM_ADDR is {addr}: gmail-sim answers anyone who asks, so use a loopback address (127.0.0.1)");
        }
        let sizes = match self.sizes.as_str() {
            "realistic" => Sizes::Realistic,
            "small" => Sizes::Small,
            other => bail!("GMAIL_SIM_SIZES is {other}: use realistic or small"),
        };
        let named = self.mailboxes.split(',').map(str::trim).filter(|spec| !spec.is_empty());
        let mailboxes = named.map(|spec| mailbox(spec, sizes)).collect::<anyhow::Result<_>>()?;
        let quota = Quota::named(&self.quota)
            .with_context(|| format!("GMAIL_SIM_QUOTA is {}: use 2026, legacy or off", self.quota))?;
        let usual = PushConfig::default();
        Ok(SimConfig {
            addr,
            seed: self.seed,
            mailboxes,
            oauth: OAuthConfig {
                client_id: self.client_id.clone(),
                client_secret: self.client_secret.clone(),
                auto_consent: self.auto_consent,
                ..OAuthConfig::default()
            },
            push: PushConfig {
                endpoint: self.push_url.clone(),
                audience: self.push_audience.clone(),
                service_account: self.push_service_account.clone().unwrap_or(usual.service_account),
                subscription: self.push_subscription.clone().unwrap_or(usual.subscription),
                topic: self.push_topic.clone().unwrap_or(usual.topic),
                unwrapped: self.push_unwrapped,
                ..PushConfig::default()
            },
            quota,
            issuer: self.issuer.clone(),
            workers: self.workers.max(1),
            ..SimConfig::default()
        })
    }
}

fn mailbox(spec: &str, sizes: Sizes) -> anyhow::Result<MailboxSpec> {
    let (address, size) = spec.rsplit_once(':').unwrap_or((spec, "0"));
    let size = size
        .parse()
        .with_context(|| format!("GMAIL_SIM_MAILBOXES has {spec}: write address:size, e.g. demo@example.com:500"))?;
    Ok(MailboxSpec { sizes, ..MailboxSpec::new(address, size) })
}
