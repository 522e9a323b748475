//! `postrider token`.

use anyhow::Result;
use clap::Args as ClapArgs;

use crate::console::say;
use crate::demo::{TENANT, USER};
use crate::local::{Checkout, stack};
use crate::stack::Lifetime;

/// Whose token.
#[derive(Debug, ClapArgs)]
pub struct Args {
    /// The tenant.
    #[arg(long, default_value = TENANT)]
    tenant: String,
    /// The user.
    #[arg(long, default_value = USER)]
    user: String,
}

/// Prints a token that is valid for a day, and nothing else.
///
/// # Errors
/// The stack has no `JWT_SECRET`, or no servers are known.
pub fn token(args: Args) -> Result<()> {
    let stack = stack(&Checkout::find(), Lifetime::UntilStopped)?;
    say(stack.token(&args.tenant, &args.user)?.expose());
    Ok(())
}
