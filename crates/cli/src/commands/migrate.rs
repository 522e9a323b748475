//! `postrider migrate`: every schema, one after the other.

use std::path::Path;

use anyhow::{Result, bail};

use crate::console::done;
use crate::local::{Checkout, Settings};
use crate::stack;

/// Creates roles and schemas, or brings them up to date, by each service's own `migrate`. May be called again, and by
/// several at once: each schema is migrated under a lock in the database.
///
/// # Errors
/// No `DATABASE_URL`, or a service's command failed; what it said is in the error.
pub async fn migrate() -> Result<()> {
    let checkout = Checkout::find();
    let mut settings = Settings::of(&checkout)?.into_variables();
    if !["DATABASE_URL", "DATABASE_URL_FILE"].iter().any(|name| settings.contains_key(*name)) {
        let Some(private) = checkout.servers().remove("DATABASE_URL") else {
            bail!(
                "DATABASE_URL is not set and no private server runs. Set it to the administrator's URL, or \
                 DATABASE_URL_FILE to the path of a file that holds it"
            );
        };
        settings.insert("DATABASE_URL".to_owned(), private);
    }
    let programs = std::env::current_exe()?;
    let programs = programs.parent().unwrap_or(Path::new("."));
    for member in stack::Member::SERVICES {
        stack::migrate_one(programs, member, &settings).await?;
        done(format_args!("the schema of {member} is up to date"));
    }
    Ok(())
}
