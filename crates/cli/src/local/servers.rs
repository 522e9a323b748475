//! The private Postgres and RabbitMQ of the checkout, by `scripts/services.sh`.

use std::process::Stdio;

use anyhow::{Context as _, Result, bail};
use tokio::process::Command;

use super::Settings;
use super::checkout::Checkout;
use crate::stack::Shape;

/// In the run directory while servers run that one of our commands started.
const NOTE: &str = "servers-are-ours";

/// Makes sure that there are servers: those of the environment, or private ones. Installs what is missing and says so.
///
/// # Errors
/// What the script says.
pub async fn ensure(checkout: &Checkout, shape: Shape) -> Result<()> {
    let settings = Settings::of(checkout)?;
    let needed: &[&str] = match shape {
        Shape::Services => &["DATABASE_URL", "AMQP_URL"],
        Shape::OneProcess => &["DATABASE_URL"],
    };
    if needed.iter().all(|name| settings.has_secret(name)) {
        return Ok(());
    }
    let status = services(checkout)?.arg("status").stderr(Stdio::null()).output().await;
    let status = status.context("scripts/services.sh cannot be run")?;
    // Noted first, so that an interrupt in the middle, or the next command after a kill, knows whose they are.
    if String::from_utf8_lossy(&status.stdout).contains("is down") {
        let _made_by_the_script_otherwise = std::fs::create_dir_all(checkout.run_dir());
        std::fs::write(checkout.run_dir().join(NOTE), "postrider")?;
    }
    match shape {
        Shape::Services => script(checkout, &["up"]).await,
        Shape::OneProcess => script(checkout, &["up", "--only", "postgres"]).await,
    }
}

/// Stops the private servers if one of our commands started them, also if it is still at it: the script lets one command
/// work at a time. Servers of `make services` go on.
///
/// # Errors
/// What the script says.
pub async fn stop_ours(checkout: &Checkout) -> Result<()> {
    if checkout.run_dir().join(NOTE).exists() { stop(checkout).await } else { Ok(()) }
}

/// Stops the private servers; their data stays.
///
/// # Errors
/// What the script says.
pub async fn stop(checkout: &Checkout) -> Result<()> {
    script(checkout, &["down"]).await?;
    forget(checkout);
    Ok(())
}

/// Stops the private servers and deletes their data.
///
/// # Errors
/// What the script says.
pub async fn wipe(checkout: &Checkout) -> Result<()> {
    script(checkout, &["wipe"]).await?;
    forget(checkout);
    Ok(())
}

fn forget(checkout: &Checkout) {
    let _never_noted = std::fs::remove_file(checkout.run_dir().join(NOTE));
}

/// The script, with the settings it reads; those of `.env` are not in its environment otherwise.
fn services(checkout: &Checkout) -> Result<Command> {
    let settings = Settings::of(checkout)?;
    let mut command = Command::new(checkout.services_script());
    for name in ["DATABASE_URL", "AMQP_URL", "PORT_BASE"] {
        if let Some(value) = settings.get(name) {
            command.env(name, value);
        } else if settings.has_secret(name) {
            // That it is set is all the script asks.
            command.env(name, "in a file");
        }
    }
    Ok(command)
}

async fn script(checkout: &Checkout, command: &[&str]) -> Result<()> {
    // A group of its own: Ctrl-C must not tear a server down in the middle of its start.
    let status = services(checkout)?.args(command).process_group(0).status().await;
    let status = status.context("scripts/services.sh cannot be run")?;
    if !status.success() {
        bail!("scripts/services.sh {} failed", command.join(" "));
    }
    Ok(())
}
