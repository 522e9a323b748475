//! The page of a link, and how its button is known again.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use postrider_domain::Secret;
use subtle::ConstantTimeEq;
use url::Url;

use crate::http::auth::page::{escape, html};
use crate::state::State;
use crate::store::connect_links::Link;
use postrider_domain::token;

/// Says who asks, for whom, and which account; `button` is the page's own secret.
pub(super) fn link(state: &State, link: &Link, word: &str, button: &Secret) -> HttpResponse {
    let app = &state.settings.app_public_url;
    let asks = match &link.asked_by {
        Some(user) => format!("user <b>{}</b> of <b>{}</b>", escape(user.as_str()), escape(link.tenant.as_str())),
        None => "this installation: the access it had was lost".to_owned(),
    };
    let return_to = link.return_to.as_deref().and_then(|text| Url::parse(text).ok());
    let then = return_to.as_ref().unwrap_or(app).origin().ascii_serialization();
    let body = format!(
        "<h1>Connect {address}?</h1>\
         <p>If you go on, Google asks you for access to the mailbox <b>{address}</b>. Whoever it is connected for can read \
         all its mail from then on, until access is taken back.</p>\
         <table><tr><th>Mailbox<td>{address}<tr><th>Who asks<td>{asks}\
         <tr><th>For<td>user <b>{user}</b> of <b>{tenant}</b>\
         <tr><th>Asked<td>{asked}<tr><th>Ends<td>{ends}<tr><th>At<td>{app}<tr><th>Leads back to<td>{then}</table>\
         <p>Go on only if you expected this, and {address} is your own. Another account is refused.</p>\
         <form method=\"post\" action=\"\"><input type=\"hidden\" name=\"word\" value=\"{pressed}\">\
         <button>Go on to Google</button></form>",
        address = escape(&link.email_address),
        user = escape(link.user_id.as_str()),
        tenant = escape(link.tenant.as_str()),
        asked = link.created_at.format("%Y-%m-%d %H:%M UTC"),
        ends = link.expires_at.format("%Y-%m-%d %H:%M UTC"),
        app = escape(&app.origin().ascii_serialization()),
        then = escape(&then),
        pressed = hex(&token::hash(button.expose())),
    );
    let google = state.google().ok().map(|google| &google.auth_url);
    let leads_to: Vec<&Url> = google.into_iter().chain(return_to.as_ref()).collect();
    let title = format!("Connect {}", escape(&link.email_address));
    let mut response = html(StatusCode::OK, &title, &body, &leads_to);
    let cookie = Cookie::build(name(word), button.expose().to_owned())
        .path("/connect")
        .http_only(true)
        // Strict: a page elsewhere cannot press the button.
        .same_site(SameSite::Strict)
        .secure(app.scheme() == "https")
        .max_age(Duration::hours(1))
        .finish();
    let _too_long = response.add_cookie(&cookie);
    response
}

/// Whether the form comes from the page that set the cookie.
pub(super) fn was_pressed(request: &HttpRequest, word: &str, pressed: &str) -> bool {
    request.cookie(&name(word)).is_some_and(|cookie| {
        !cookie.value().is_empty() && hex(&token::hash(cookie.value())).as_bytes().ct_eq(pressed.as_bytes()).into()
    })
}

/// Each link has a cookie of its own. The name tells nothing of the token.
fn name(word: &str) -> String {
    format!("postrider_link_{}", hex(token::hash(word).get(..8).unwrap_or_default()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
