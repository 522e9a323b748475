//! `postrider connect`: an account from a terminal, up to its first sync.

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Result;
use clap::Args as ClapArgs;
use url::Url;

use crate::connect::{Installed, Lines, by_desktop, by_web, has_screen, open};
use crate::console::{done, say};
use crate::demo::{TENANT, USER};
use crate::doctor::Installation;
use crate::gateway::Gateway;
use crate::progress;

/// How long a person may take: as long as a sign-in is good for.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long until the first sync is known.
const BEGINS: Duration = Duration::from_secs(60);

/// Which account, and for whom.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// Address of the account, offered on Google's page.
    #[arg(long)]
    user_email: Option<String>,
    /// The tenant.
    #[arg(long, default_value = TENANT)]
    tenant: String,
    /// The user.
    #[arg(long, default_value = USER)]
    user: String,
    /// By the Desktop client (GOOGLE_DESKTOP_CLIENT_ID): Google sends the browser back to this machine instead of the public
    /// address.
    #[arg(long)]
    desktop: bool,
    /// Show the address only; open no browser.
    #[arg(long)]
    no_browser: bool,
}

/// Has somebody consent, waits for the account, and follows its first sync.
///
/// # Errors
/// The stack is not up, nobody consented, or the sync failed.
pub async fn connect(args: Args) -> Result<()> {
    let gateway = Gateway::here(&args.tenant, &args.user)?;
    let mut lines = Lines::typed();
    let screen = has_screen(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
    let browser = !args.no_browser && screen && std::io::stdout().is_terminal();
    let hint = args.user_email.as_deref();
    let show = async move |url: &Url| invite(url, browser).await;
    let account = if args.desktop {
        let client = Installed::of(&Installation::here()?.env)?;
        by_desktop(&gateway, &client, hint, &mut lines, PATIENCE, show).await?
    } else {
        by_web(&gateway, hint, &mut lines, PATIENCE, show).await?
    };
    done(format_args!("{} is connected ({})", account.email_address, account.id));
    say("  Its first sync, newest mail first. It goes on by itself: Ctrl-C ends only this look at it.");
    let run = progress::follow_all(&gateway, &account.id, BEGINS).await?;
    done(format_args!("first sync: {} mails listed, {} stored", run.listed, run.stored));
    Ok(())
}

async fn invite(url: &Url, browser: bool) {
    say(format_args!("Open this in a browser, here or elsewhere:\n\n  {url}\n"));
    if browser && open(url).await {
        say("(A browser of this machine was asked to.)");
    }
    say(
        "Choose the account and allow it. Where the browser then cannot reach the page it is sent to, copy the address from its",
    );
    say("address bar and paste it here.");
}
