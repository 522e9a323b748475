//! Walks the sign-in: our URL, Google's consent page, its form, the way back with our start cookie.

use anyhow::{Context as _, Result, bail};
use postrider_domain::Secret;
use reqwest::header::LOCATION;
use reqwest::{Client, Response};
use url::Url;

use crate::gateway::Gateway;
use crate::http;

/// Connects the account with that address at the simulated Google. From where the public address of its page leads elsewhere
/// (a container, whose own loopback it names), `inside` is the simulator's origin, and the page is asked for there.
///
/// # Errors
/// Any step answers something else than a browser would go on with.
pub async fn sign_in(gateway: &str, token: &Secret, address: &str, inside: Option<&str>) -> Result<()> {
    let browser = http::client()?;
    let gateway = Gateway::new(gateway, token.clone())?;
    let begun = gateway.begin_consent().await?;
    let page = inside.map_or_else(|| Ok(begun.url.clone()), |simulator| at(simulator, &begun.url))?;
    let back = consent(&browser, &page, address).await?;
    gateway.end_consent(&begun, &Url::parse(&back).context("the way back is no URL")?).await?;
    Ok(())
}

/// Reads the consent page and sends its form with everything allowed; answers where it leads.
async fn consent(browser: &Client, page: &Url, address: &str) -> Result<String> {
    let shown = browser
        .get(page.clone())
        .send()
        .await
        .map_err(reqwest::Error::without_url)
        .context("the consent page does not answer")?;
    if let Some(location) = location(&shown) {
        // The simulator was told to skip the page.
        return Ok(location);
    }
    checked(shown, "the consent page").await?;
    let mut form: Vec<(String, String)> =
        page.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
    let scopes = page.query_pairs().find(|(name, _)| name == "scope").map(|(_, value)| value.into_owned());
    for scope in scopes.unwrap_or_default().split_whitespace() {
        form.push(("granted".to_owned(), scope.to_owned()));
    }
    form.push(("account".to_owned(), address.to_owned()));
    form.push(("action".to_owned(), "allow".to_owned()));
    let mut action = page.clone();
    action.set_query(None);
    let allowed = browser.post(action).form(&form).send().await.map_err(reqwest::Error::without_url);
    let allowed = allowed.context("the consent form does not answer")?;
    match location(&allowed) {
        Some(location) => Ok(location),
        None => bail!("the consent form answered {}: {}", allowed.status(), allowed.text().await.unwrap_or_default()),
    }
}

/// The same page at another origin.
fn at(origin: &str, page: &Url) -> Result<Url> {
    let mut url = Url::parse(origin).with_context(|| format!("{origin} is no origin"))?;
    url.set_path(page.path());
    url.set_query(page.query());
    Ok(url)
}

fn location(answer: &Response) -> Option<String> {
    let to = answer.headers().get(LOCATION)?.to_str().ok()?;
    answer.status().is_redirection().then(|| to.to_owned())
}

async fn checked(answer: Response, what: &str) -> Result<Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    bail!("{what} answered {status}: {}", answer.text().await.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_asked_for_where_it_is_reached() {
        let page = Url::parse("http://localhost:8090/o/oauth2/v2/auth?state=a%26b&x=1").unwrap();
        let url = at("http://gmail-sim:8091/", &page).unwrap();
        assert_eq!(url.as_str(), "http://gmail-sim:8091/o/oauth2/v2/auth?state=a%26b&x=1");
    }
}
