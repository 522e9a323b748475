//! Our own small pages. No script, no outside resource, nothing that may be framed or cached.

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse};
use postrider_web::Problem;
use url::Url;

/// Whether whoever asks reads HTML (a browser) rather than JSON (a program).
pub fn wanted(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/html") && !accept.starts_with("application/json")
}

/// Asks whether an account is to be connected to an owner.
pub fn confirm(address: &str, owner: &str, token: &str, return_to: Option<&Url>) -> HttpResponse {
    let body = format!(
        "<h1>Connect {address} to {owner}?</h1>\
         <p>Whoever uses the account <b>{owner}</b> will be able to read the mail of <b>{address}</b>. Say yes only if \
         you asked for this yourself.</p>\
         <form method=\"post\" action=\"/gmail/auth/callback\">\
         <input type=\"hidden\" name=\"token\" value=\"{token}\">\
         <button name=\"answer\" value=\"yes\">Connect</button> <button name=\"answer\" value=\"no\">Cancel</button>\
         </form>",
        address = escape(address),
        owner = escape(owner),
        token = escape(token),
    );
    html(StatusCode::OK, &format!("Connect {}", escape(address)), &body, return_to)
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
    let mut response = html(problem.status, "Not connected", &body, None);
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

fn html(status: StatusCode, title: &str, body: &str, return_to: Option<&Url>) -> HttpResponse {
    // A form's redirects count as its action, so the page the answer leads to is named too.
    let then = return_to.map(|url| url.origin().ascii_serialization()).unwrap_or_default();
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
             max-width:36rem;margin:4rem auto;padding:0 1rem}}button{{font:inherit;padding:.4rem 1rem}}</style></head>\
             <body>{body}</body></html>"
        ))
}

/// Text that may stand in HTML and in a quoted attribute.
fn escape(text: &str) -> String {
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
        let response = confirm("a<b>@c.de", "\"><script>alert(1)</script>", "t", None);
        let body = response.into_body().try_into_bytes().unwrap();
        let text = std::str::from_utf8(&body).unwrap();
        assert!(!text.contains("<script>") && text.contains("&lt;script&gt;"), "{text}");
    }
}
