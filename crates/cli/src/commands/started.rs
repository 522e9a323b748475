//! What `run`, `up` and `all-in-one` have in common: servers, programs, migrations, processes.

use anyhow::Result;

use crate::console::{done, say};
use crate::demo::{TENANT, USER, make_mailbox};
use crate::local::{Checkout, build_programs, ensure, stack_of};
use crate::stack::{Lifetime, Member, Shape, Stack};

/// Brings everything up to the point where the gateway answers. After an error the caller stops what was begun.
///
/// # Errors
/// Any step fails.
pub async fn start(checkout: &Checkout, lifetime: Lifetime, shape: Shape) -> Result<Stack> {
    say("Servers");
    ensure(checkout, shape).await?;
    let mut stack = stack_of(checkout, lifetime, shape)?;
    say("Programs");
    build_programs(checkout, &stack).await?;
    done("built");
    say("Schemas");
    stack.migrate().await?;
    done("up to date");
    say("Processes");
    stack.start_all(|member| done(format_args!("{member} is ready"))).await?;
    if stack.options().simulator {
        make_mailbox(&stack.url(Member::GmailSim)).await?;
    }
    Ok(stack)
}

/// Says what to open and try.
///
/// # Errors
/// A token cannot be made.
pub fn invite(stack: &Stack) -> Result<()> {
    let url = stack.public_url();
    say(format_args!("\nOpen   {url}/docs              the API"));
    if stack.options().simulator {
        say(format_args!("       {}/_sim/mailboxes  the simulated Google", stack.url(Member::GmailSim)));
    }
    say(format_args!("Logs   {}", stack.options().logs().display()));
    if !stack.options().simulator {
        let program =
            std::env::current_exe().map_or_else(|_| "postrider".to_owned(), |path| path.display().to_string());
        say(format_args!(
            "\nConnect your mailbox:\n  {program} connect\nWhat is missing, if anything:\n  {program} doctor"
        ));
    }
    match stack.token(TENANT, USER) {
        Ok(token) => {
            say(format_args!("\nTry (tenant and user {TENANT}):\n  export TOKEN={}", token.expose()));
            say(format_args!("  curl -H \"Authorization: Bearer $TOKEN\" {url}/api/connectors"));
            say(format_args!("  curl -H \"Authorization: Bearer $TOKEN\" '{url}/api/v1/emails?limit=5'"));
            say(format_args!("  curl -H \"Authorization: Bearer $TOKEN\" {url}/api/notifications"));
            if stack.options().simulator {
                let sim = stack.url(Member::GmailSim);
                let body = r#"{"account":"demo@example.com","subject":"Hello"}"#;
                say(format_args!("  curl -X POST -H 'Content-Type: application/json' -d '{body}' {sim}/_sim/deliver"));
            }
        }
        Err(_by_jwks) => say("\nTokens come from your own issuer (JWT_JWKS_URL)."),
    }
    Ok(())
}
