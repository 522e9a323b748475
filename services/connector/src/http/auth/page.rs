//! Our own small pages. No script, no outside resource, nothing that may be framed or cached.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use postrider_domain::Timestamp;
use postrider_web::Problem;
use url::Url;

/// Whether whoever asks reads HTML (a browser) rather than JSON (a program).
pub fn wanted(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/html") && !accept.starts_with("application/json")
}

/// What the confirm page asks. Everything in it comes from us or was checked by us: whoever lured a person here could
/// not choose a word of it, but the place to go back to among those the operator listed.
pub struct Question<'a> {
    /// The mailbox of the person in front of the page.
    pub address: &'a str,
    /// Who asked for it, by the names their token carries.
    pub tenant: &'a str,
    pub user: &'a str,
    pub begun: Timestamp,
    pub app: &'a Url,
    pub return_to: Option<&'a Url>,
    pub token: &'a str,
}

/// Asks whether an account is to be connected to an owner.
pub fn confirm(question: &Question<'_>) -> HttpResponse {
    let then = question.return_to.unwrap_or(question.app).origin().ascii_serialization();
    let body = format!(
        "<h1>Let somebody read {address}?</h1>\
         <p>The sign-in that ends here was <b>begun in another browser</b>. If you say yes, whoever began it can read \
         all mail of <b>{address}</b> from now on, until access is taken back.</p>\
         <table><tr><th>Mailbox<td>{address}<tr><th>Who asks<td>user <b>{user}</b> of <b>{tenant}</b>\
         <tr><th>Begun<td>{begun}<tr><th>At<td>{app}<tr><th>Leads back to<td>{then}</table>\
         <p>Say yes only if this is you, or somebody you know by this name, and you began it yourself within the last \
         minutes. If somebody sent you here by a link, say no.</p>\
         <form method=\"post\" action=\"/gmail/auth/callback\">\
         <input type=\"hidden\" name=\"token\" value=\"{token}\">\
         <button name=\"answer\" value=\"no\">No, connect nothing</button> \
         <button name=\"answer\" value=\"yes\">Yes, let {user} read it</button></form>",
        address = escape(question.address),
        user = escape(question.user),
        tenant = escape(question.tenant),
        begun = question.begun.format("%Y-%m-%d %H:%M UTC"),
        app = escape(&question.app.origin().ascii_serialization()),
        then = escape(&then),
        token = escape(question.token),
    );
    let leads_to: Vec<&Url> = question.return_to.into_iter().collect();
    html(StatusCode::OK, &format!("Connect {}", escape(question.address)), &body, &leads_to)
}

/// A problem for people.
pub fn problem(problem: &Problem) -> HttpResponse {
    let reasons: String = problem
        .errors
        .iter()
        .map(|error| format!("<li>{}: {}</li>", escape(&error.field), escape(&error.message)))
        .collect();
    let body = format!(
        "<h1>The mailbox was not connected</h1><p>{}</p><ul>{reasons}</ul><p>Code: <code>{}</code></p>",
        escape(&problem.detail),
        escape(&problem.code),
    );
    let mut response = html(problem.status, "Not connected", &body, &[]);
    if let Some(after) = problem.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(after.as_secs().max(1)));
    }
    response
}

/// Sends the browser on.
pub fn redirect(to: &Url) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, to.as_str()))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .finish()
}

/// A page whose form may lead to those places.
pub fn html(status: StatusCode, title: &str, body: &str, leads_to: &[&Url]) -> HttpResponse {
    // A form's redirects count as its action, so the pages the answer leads to are named too.
    let then: Vec<String> = leads_to.iter().map(|url| url.origin().ascii_serialization()).collect();
    let then = then.join(" ");
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self' {then}; frame-ancestors 'none'; base-uri 'none'"
    );
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, policy))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .body(format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
             <meta name=\"viewport\" content=\"width=device-width\"><style>body{{font:16px/1.5 system-ui,sans-serif;\
             max-width:36rem;margin:4rem auto;padding:0 1rem}}th{{text-align:left;padding-right:1rem}}button{{font:inherit;padding:.4rem 1rem}}</style></head>\
             <body>{body}</body></html>"
        ))
}

/// Text that may stand in HTML and in a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody;

    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        let app = Url::parse("https://post.example").unwrap();
        let response = confirm(&Question {
            address: "a<b>@c.de",
            tenant: "\"><script>alert(1)</script>",
            user: "<script>alert(2)</script>",
            begun: Timestamp::default(),
            app: &app,
            return_to: None,
            token: "t",
        });
        let body = response.into_body().try_into_bytes().unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(!text.contains("<script>") && text.contains("&lt;script&gt;"), "{text}");
    }
}
