//! `postrider token`.

use anyhow::Result;
use clap::Args as ClapArgs;
use postrider_runtime::Env;

use crate::console::say;
use crate::demo::{TENANT, USER};
use crate::local::{Checkout, Settings, stack};
use crate::stack::Lifetime;
use crate::token;

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
/// There is no `JWT_SECRET`, neither among the settings nor of a stack of this checkout.
pub fn token(args: Args) -> Result<()> {
    let checkout = Checkout::find();
    let settings = Settings::of(&checkout)?;
    let given = ["JWT_SECRET", "JWT_SECRET_FILE"].iter().any(|name| settings.get(name).is_some());
    let token = if given {
        // Beside the gateway's own settings (in its container, say) no stack is needed.
        token::issue_by(&Env::from_pairs(settings.into_variables()), &args.tenant, &args.user)?
    } else {
        stack(&checkout, Lifetime::UntilStopped)?.token(&args.tenant, &args.user)?
    };
    say(token.expose());
    Ok(())
}
