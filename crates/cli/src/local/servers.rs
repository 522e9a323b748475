//! The private Postgres and RabbitMQ of the checkout, by `scripts/services.sh`.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::Settings;
use super::checkout::Checkout;

/// Whether a command started the servers, and so has to stop them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// They run because one of our commands started them.
    Now,
    /// They ran already, or are somebody else's.
    Before,
}

/// In the run directory while servers run that one of our commands started.
const NOTE: &str = "servers-are-ours";

/// Makes sure that there are servers: those of the environment, or private ones. Installs what is missing and says so.
///
/// # Errors
/// What the script says.
pub async fn ensure(checkout: &Checkout) -> Result<Started> {
    let settings = Settings::of_process();
    if settings.get("DATABASE_URL").is_some() && settings.get("AMQP_URL").is_some() {
        return Ok(Started::Before);
    }
    let status = Command::new(checkout.services_script()).arg("status").stderr(Stdio::null()).output().await;
    let status = status.context("scripts/services.sh cannot be run")?;
    let were_down = String::from_utf8_lossy(&status.stdout).contains("is down");
    let note = checkout.run_dir().join(NOTE);
    // Noted first: whoever comes after a command that was killed knows that nobody else wants these servers.
    if were_down {
        let _made_by_the_script_otherwise = std::fs::create_dir_all(checkout.run_dir());
        std::fs::write(&note, "postrider")?;
    }
    if let Err(error) = script(checkout, "up").await {
        if were_down {
            // One of the two may run already.
            stop(checkout).await?;
        }
        return Err(error);
    }
    Ok(if note.exists() { Started::Now } else { Started::Before })
}

/// Stops the private servers; their data stays.
///
/// # Errors
/// What the script says.
pub async fn stop(checkout: &Checkout) -> Result<()> {
    script(checkout, "down").await?;
    forget(checkout);
    Ok(())
}

/// Stops the private servers and deletes their data.
///
/// # Errors
/// What the script says.
pub async fn wipe(checkout: &Checkout) -> Result<()> {
    script(checkout, "wipe").await?;
    forget(checkout);
    Ok(())
}

fn forget(checkout: &Checkout) {
    let _never_noted = std::fs::remove_file(checkout.run_dir().join(NOTE));
}

async fn script(checkout: &Checkout, command: &str) -> Result<()> {
    // A group of its own: Ctrl-C must not tear a server down in the middle of its start.
    let status = Command::new(checkout.services_script()).arg(command).process_group(0).status().await;
    let status = status.context("scripts/services.sh cannot be run")?;
    if !status.success() {
        bail!("scripts/services.sh {command} failed");
    }
    Ok(())
}
