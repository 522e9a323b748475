//! By a Desktop client: the browser is sent to a port of this machine (RFC 8252), or the address it is sent to is pasted. The
//! code goes to connector, which alone ever holds the refresh token.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use postrider_domain::{EmailAddress, OsEntropy, Secret, SystemClock};
use postrider_google_auth::oauth::{AuthorizeRequest, OAuthClient, OAuthConfig, Scopes, random_token};
use postrider_runtime::Env;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::{Lines, pasted, shown};
use crate::console::say;
use crate::gateway::{Connector, Gateway};

/// Longest head of a request that is read.
const LONGEST: usize = 16 * 1024;
/// How long a browser may take to send it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The Desktop client, as far as a consent needs it. Its secret is connector's.
#[derive(Debug)]
pub struct Installed {
    oauth: OAuthClient,
    scopes: Scopes,
}

impl Installed {
    /// # Errors
    /// `GOOGLE_DESKTOP_CLIENT_ID` is not set, or an address among the settings is none.
    pub fn of(env: &Env) -> Result<Self> {
        let client_id = env.optional("GOOGLE_DESKTOP_CLIENT_ID").context(
            "GOOGLE_DESKTOP_CLIENT_ID is not set: make an OAuth client of the type Desktop app in the project of GOOGLE_CLIENT_ID, \
             and set it with GOOGLE_DESKTOP_CLIENT_SECRET (docs/google.md)",
        )?;
        let config = OAuthConfig {
            client_id,
            client_secret: Secret::new(""),
            auth_url: env.parse("GOOGLE_AUTH_URL")?,
            token_url: env.parse("GOOGLE_TOKEN_URL")?,
            revoke_url: env.parse("GOOGLE_REVOKE_URL")?,
            issuer: env.required("GOOGLE_ISSUER")?,
        };
        let scopes = Scopes::parse(&env.required("GOOGLE_SCOPES")?);
        Ok(Self { oauth: OAuthClient::new(config, Arc::new(SystemClock))?, scopes })
    }
}

/// Shows the consent page's address, waits for its end on this machine's loopback, and has connector connect the account.
///
/// # Errors
/// No port can be had, nobody consented within `within`, or connector refuses the code.
pub async fn by_desktop(
    gateway: &Gateway,
    client: &Installed,
    hint: Option<&str>,
    lines: &mut Lines,
    within: Duration,
    show: impl AsyncFnOnce(&Url),
) -> Result<Connector> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no port of this machine can be had")?;
    let redirect_uri = format!("http://127.0.0.1:{}/", listener.local_addr()?.port());
    let (state, verifier) = (random_token(&OsEntropy), random_token(&OsEntropy));
    let login_hint = hint.map(EmailAddress::parse).transpose().context("--user-email is no address")?;
    let url = client.oauth.authorize_url(&AuthorizeRequest {
        redirect_uri: &redirect_uri,
        state: &state,
        verifier: &verifier,
        scopes: &client.scopes,
        login_hint: login_hint.as_ref(),
    });
    show(&url).await;
    let back = tokio::time::timeout(within, ended(&listener, &redirect_uri, state.expose(), lines)).await;
    let back =
        back.with_context(|| format!("nobody consented within {} minutes: begin again", within.as_secs() / 60))??;
    let code = back.query_pairs().find(|(name, _)| name == "code").map(|(_, code)| code.into_owned());
    let body = json!({"auth_code": code, "code_verifier": verifier.expose(), "redirect_uri": redirect_uri});
    let answer = gateway.call(Method::POST, "/api/auth/google/gmail", &[], Some(body)).await?;
    let id = answer.get("connector_id").and_then(Value::as_str).context("the gateway named no account")?;
    shown(gateway, id, within).await
}

/// The address the browser was sent to.
async fn ended(listener: &TcpListener, redirect_uri: &str, state: &str, lines: &mut Lines) -> Result<Url> {
    loop {
        tokio::select! {
            line = lines.next() => match pasted(&line, state) {
                Ok(url) => return Ok(url),
                Err(_nothing) if line.trim().is_empty() => {}
                Err(why) => say(format_args!("  {why}")),
            },
            caller = listener.accept() => {
                let (mut stream, _) = caller.context("the loopback port is gone")?;
                // Whatever else of this machine asks here (a favicon, a scan) is answered and ignored.
                let Some(url) = asked(&mut stream, redirect_uri).await else { continue };
                let has = |wanted: &str, value: Option<&str>| {
                    url.query_pairs().any(|(name, is)| name == wanted && value.is_none_or(|value| is == value))
                };
                // Only who knows this sign-in can say that it was refused.
                let refused = has("state", Some(state)) && has("error", None);
                let found = pasted(url.as_str(), state);
                answer(&mut stream, found.is_ok(), refused).await;
                match found {
                    Ok(url) => return Ok(url),
                    Err(why) if refused => bail!("{why}"),
                    Err(_of_no_sign_in) => {}
                }
            }
        }
    }
}

/// The address in the first line of a request.
async fn asked(stream: &mut TcpStream, redirect_uri: &str) -> Option<Url> {
    let mut head = Vec::new();
    let read = async {
        let mut part = [0; 2_048];
        while head.len() < LONGEST && !head.windows(4).any(|end| end == b"\r\n\r\n") {
            let count = stream.read(&mut part).await.ok().filter(|count| *count > 0)?;
            head.extend_from_slice(part.get(..count)?);
        }
        Some(())
    };
    tokio::time::timeout(PATIENCE, read).await.ok()??;
    let text = String::from_utf8(head).ok()?;
    let path = text.lines().next()?.strip_prefix("GET ")?.split(' ').next()?.to_owned();
    Url::parse(redirect_uri).ok()?.join(&path).ok()
}

async fn answer(stream: &mut TcpStream, right: bool, refused: bool) {
    let (status, text) = if right {
        ("200 OK", "Thank you. The terminal goes on; this page may be closed.")
    } else if refused {
        ("200 OK", "Nothing was connected. The terminal says why; this page may be closed.")
    } else {
        ("404 Not Found", "This is not the end of the sign-in that the terminal waits for.")
    };
    let page = format!("<!doctype html><meta charset=\"utf-8\"><title>Postrider</title><p>{text}</p>");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: no-store\r\n\
         Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    // A browser that is gone already misses a sentence.
    let _gone = stream.write_all(answer.as_bytes()).await;
    let _gone = stream.shutdown().await;
}
