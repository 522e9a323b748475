//! Connecting an account from a terminal: somebody consents in a browser, here or elsewhere, and the account appears.

mod browser;
mod desktop;
mod lines;
mod web;

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;
use url::Url;

pub use browser::{has_screen, open};
pub use desktop::{Installed, by_desktop};
pub use lines::Lines;
pub use web::by_web;

use crate::console::say;
use crate::gateway::{Connector, Gateway, passes};

/// How often the accounts are asked for.
const EVERY: Duration = Duration::from_millis(500);

/// The account that appeared, or works again, since `before`; with `hint` only one of that address.
fn appeared(before: &[Connector], now: Vec<Connector>, hint: Option<&str>) -> Option<Connector> {
    let fits = |one: &Connector| hint.is_none_or(|hint| one.email_address.eq_ignore_ascii_case(hint));
    let newer =
        |one: &Connector| before.iter().find(|old| old.id == one.id).is_none_or(|old| one.version > old.version);
    now.into_iter().find(|one| one.is_active() && fits(one) && newer(one))
}

/// Says once which other account appeared where one address was asked for: somebody chose another one on Google's page.
fn tell_other(told: &mut bool, before: &[Connector], now: &[Connector], hint: Option<&str>) {
    if let Some(hint) = hint.filter(|_| !*told)
        && let Some(other) = appeared(before, now.to_vec(), None)
    {
        *told = true;
        say(format_args!(
            "  {} was connected meanwhile, which is not {hint}: choose {hint} on Google's page, or end this with Ctrl-C",
            other.email_address
        ));
    }
}

/// The account of that id, once the gateway shows it.
async fn shown(gateway: &Gateway, id: &str, within: Duration) -> Result<Connector> {
    let deadline = Instant::now() + within;
    loop {
        match gateway.connectors().await {
            Ok(all) => {
                if let Some(found) = all.into_iter().find(|one| one.id == id) {
                    return Ok(found);
                }
            }
            Err(error) if passes(&error) => {}
            Err(error) => return Err(error),
        }
        if Instant::now() >= deadline {
            bail!("the account was connected, but is not listed");
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// What a person pasted: the address the browser was sent to, if it is of this sign-in.
///
/// # Errors
/// It is no address, of another sign-in, or says that somebody refused; in words for the person.
fn pasted(line: &str, state: &str) -> Result<Url> {
    let Ok(url) = Url::parse(line.trim()) else {
        bail!("that is no address: paste the whole line of the browser's address bar, from http on")
    };
    let value = |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    if value("state").as_deref() != Some(state) {
        bail!("that is the address of another sign-in: open the one above, and paste where it leads");
    }
    if let Some(error) = value("error") {
        bail!("Google says {error}: nothing was consented to");
    }
    if value("code").is_none() {
        bail!("there is no code in that address: go on in the browser until its address bar holds `code=`");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(id: &str, address: &str, status: &str, version: i64) -> Connector {
        Connector { id: id.to_owned(), email_address: address.to_owned(), status: status.to_owned(), version }
    }

    #[test]
    fn an_account_appeared_when_it_is_new_or_was_connected_again() {
        let before = [account("1", "a@b.c", "active", 3), account("2", "d@e.f", "reauth_required", 5)];
        assert_eq!(appeared(&before, before.to_vec(), None), None);
        let again = account("2", "d@e.f", "active", 6);
        let new = account("3", "g@h.i", "active", 1);
        assert_eq!(appeared(&before, vec![before[0].clone(), again.clone()], None), Some(again.clone()));
        assert_eq!(appeared(&before, vec![again, new.clone()], Some("G@h.i")), Some(new));
        let dead = account("3", "g@h.i", "disconnected", 9);
        assert_eq!(appeared(&before, vec![dead], None), None);
    }

    #[test]
    fn what_was_pasted_must_be_the_end_of_this_sign_in() {
        let said = |line: &str| pasted(line, "s1").unwrap_err().to_string();
        assert!(pasted(" http://localhost:8000/gmail/auth/callback?state=s1&code=4%2Fx&scope=a \n", "s1").is_ok());
        assert!(said("yes").contains("no address"));
        assert!(said("http://localhost/?state=s2&code=x").contains("another sign-in"));
        assert!(said("http://localhost/?state=s1&error=access_denied").contains("access_denied"));
        assert!(said("https://accounts.google.com/o/oauth2/v2/auth?state=s1").contains("no code"));
    }
}
