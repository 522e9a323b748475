//! The consent page: choose an account, tick the scopes, allow or deny.

use actix_web::http::header::LOCATION;
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use url::Url;

use crate::http::query::Query;
use crate::oauth::{Authorize, OAuthConfig};
use crate::server::Sim;
use crate::world::Account;

/// `GET /o/oauth2/v2/auth`: the page, or with auto-consent the redirect at once.
pub(crate) async fn show(request: HttpRequest, sim: Data<Sim>) -> HttpResponse {
    let query = Query::of(&request);
    let config = sim.oauth.config();
    let wanted = match Wanted::read(&query, &config) {
        Ok(wanted) => wanted,
        Err(problem) => return refused(problem),
    };
    let accounts = sim.world.accounts();
    if !config.auto_consent {
        return HttpResponse::Ok().content_type("text/html; charset=utf-8").body(page(&query, &wanted, &accounts));
    }
    let hinted = query.get("login_hint").map(|hint| accounts.iter().find(|account| matches_hint(account, hint)));
    let account = match hinted {
        Some(found) => found,
        None => accounts.first(),
    };
    let Some(account) = account else { return refused("no such account") };
    let scopes = wanted.scopes.iter().filter(|scope| !config.unticked.contains(scope)).cloned().collect();
    allow(&sim, &wanted, account, scopes)
}

/// `POST /o/oauth2/v2/auth`: the page's form, with the original parameters in it.
pub(crate) async fn submit(sim: Data<Sim>, body: Bytes) -> HttpResponse {
    let form = Query::parse(&String::from_utf8_lossy(&body));
    let wanted = match Wanted::read(&form, &sim.oauth.config()) {
        Ok(wanted) => wanted,
        Err(problem) => return refused(problem),
    };
    if form.get("action") == Some("deny") {
        return wanted.redirect(&[("error", "access_denied")]);
    }
    let accounts = sim.world.accounts();
    let account = accounts.iter().find(|account| form.get("account").is_some_and(|hint| matches_hint(account, hint)));
    let Some(account) = account else { return refused("no such account") };
    let ticked = form.all("granted");
    let scopes = wanted.scopes.iter().filter(|scope| ticked.contains(scope)).cloned().collect();
    allow(&sim, &wanted, account, scopes)
}

/// What the client asks for.
struct Wanted {
    redirect: Url,
    state: Option<String>,
    scopes: Vec<String>,
    request: Authorize,
}

impl Wanted {
    fn read(query: &Query, config: &OAuthConfig) -> Result<Self, &'static str> {
        let client_id = query.get("client_id").unwrap_or_default().to_owned();
        if config.secret_of(&client_id).is_none() {
            return Err("invalid_client: the OAuth client was not found");
        }
        let redirect_uri = query.get("redirect_uri").unwrap_or_default().to_owned();
        if !config.leads_to(&client_id, &redirect_uri) {
            return Err("redirect_uri_mismatch");
        }
        let redirect = Url::parse(&redirect_uri).map_err(|_bad| "redirect_uri_mismatch")?;
        if query.get("response_type") != Some("code") {
            return Err("unsupported_response_type: only code");
        }
        let challenge = query.get("code_challenge").map(str::to_owned);
        if challenge.is_some() && query.get("code_challenge_method") != Some("S256") {
            return Err("invalid_request: code_challenge_method must be S256");
        }
        let scopes: Vec<String> =
            query.get("scope").unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        if scopes.is_empty() {
            return Err("invalid_request: missing required parameter: scope");
        }
        let request = Authorize {
            client_id,
            redirect_uri,
            scopes: Vec::new(),
            challenge,
            nonce: query.get("nonce").map(str::to_owned),
            offline: query.get("access_type") == Some("offline"),
            consent: query.get("prompt").is_some_and(|prompt| prompt.split_whitespace().any(|one| one == "consent")),
        };
        Ok(Self { redirect, state: query.get("state").map(str::to_owned), scopes, request })
    }

    fn redirect(&self, pairs: &[(&str, &str)]) -> HttpResponse {
        let mut url = self.redirect.clone();
        if let Some(state) = &self.state {
            url.query_pairs_mut().append_pair("state", state);
        }
        url.query_pairs_mut().extend_pairs(pairs);
        HttpResponse::Found().insert_header((LOCATION, url.to_string())).finish()
    }
}

fn allow(sim: &Sim, wanted: &Wanted, account: &Account, scopes: Vec<String>) -> HttpResponse {
    let shown = scopes.join(" ");
    let code = sim.oauth.authorize(account, Authorize { scopes, ..wanted.request.clone() }, sim.world.now());
    wanted.redirect(&[("code", &code), ("scope", &shown), ("authuser", "0")])
}

fn matches_hint(account: &Account, hint: &str) -> bool {
    account.address.eq_ignore_ascii_case(hint) || account.sub == hint
}

/// Google shows these errors on its own page and never redirects with them.
fn refused(problem: &str) -> HttpResponse {
    let body =
        format!("<!doctype html><title>Error 400</title><h1>Access blocked</h1><p>Error 400: {}</p>", escape(problem));
    HttpResponse::BadRequest().content_type("text/html; charset=utf-8").body(body)
}

fn page(query: &Query, wanted: &Wanted, accounts: &[Account]) -> String {
    let hidden: String = query
        .pairs()
        .map(|(name, value)| format!("<input type=hidden name=\"{}\" value=\"{}\">\n", escape(name), escape(value)))
        .collect();
    let chosen = query.get("login_hint");
    let account = |(at, account): (usize, &Account)| {
        let first = chosen.map_or(at == 0, |hint| matches_hint(account, hint));
        let checked = if first { " checked" } else { "" };
        let address = escape(&account.address);
        format!("<label><input type=radio name=account value=\"{address}\"{checked}> {address}</label><br>\n")
    };
    let scope = |scope: &String| {
        let scope = escape(scope);
        format!("<label><input type=checkbox name=granted value=\"{scope}\" checked> {scope}</label><br>\n")
    };
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><title>Sign in - simulated Google</title>\n\
         <style>body{{font:16px sans-serif;max-width:34em;margin:3em auto}}fieldset{{margin:1em 0}}</style>\n\
         <h1>Simulated Google</h1><p>{client} wants to access your simulated account.</p>\n\
         <form method=post action=\"/o/oauth2/v2/auth\">\n{hidden}\
         <fieldset><legend>Account</legend>\n{accounts}</fieldset>\n\
         <fieldset><legend>It may</legend>\n{scopes}</fieldset>\n\
         <button name=action value=allow>Allow</button> <button name=action value=deny>Deny</button></form></html>\n",
        client = escape(&wanted.request.client_id),
        accounts = accounts.iter().enumerate().map(account).collect::<String>(),
        scopes = wanted.scopes.iter().map(scope).collect::<String>(),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}
