//! A mail as it goes over the wire: headers that say what it is, and its text twice.

use askama::Template as _;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use postrider_contracts::origin::ORIGIN_HEADER;
use postrider_domain::Timestamp;

use crate::rules::page::{Page, line};

/// Longest subject, in characters.
const SUBJECT: usize = 200;

/// What it is made of.
#[derive(Debug, Clone)]
pub struct Content<'a> {
    pub to: &'a str,
    /// Without angle brackets; the same on every attempt.
    pub message_id: &'a str,
    pub at: Timestamp,
    pub page: &'a Page,
    /// The value of the header our own mails are known by.
    pub origin: &'a str,
}

/// A mail, ready to be sent.
#[derive(Debug, Clone)]
pub struct Letter {
    pub to: Address,
    pub bytes: Vec<u8>,
}

/// Why there is no mail.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("the address cannot be written to")]
    Address(#[from] lettre::address::AddressError),
    #[error("the mail cannot be put together")]
    Mail(#[from] lettre::error::Error),
    #[error("a template does not render")]
    Template(#[from] askama::Error),
}

#[derive(askama::Template)]
#[template(path = "mail.txt", escape = "none")]
struct Plain<'a> {
    page: &'a Page,
}

#[derive(askama::Template)]
#[template(path = "mail.html")]
struct Html<'a> {
    page: &'a Page,
}

/// Puts a mail together.
///
/// # Errors
/// See [`ComposeError`].
pub fn compose(from: &Mailbox, content: &Content<'_>) -> Result<Letter, ComposeError> {
    let Content { page, .. } = *content;
    let to: Address = content.to.parse()?;
    let part = |text: String, kind| SinglePart::builder().header(kind).body(text);
    let body = MultiPart::alternative()
        // Its randomness would be the library's own.
        .boundary(format!("=_{}", content.message_id.split('@').next().unwrap_or_default()))
        .singlepart(part(Plain { page }.render()?, ContentType::TEXT_PLAIN))
        .singlepart(part(Html { page }.render()?, ContentType::TEXT_HTML));
    let mut mail = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(line(&page.title, SUBJECT))
        .date(content.at.into())
        .message_id(Some(format!("<{}>", content.message_id)))
        .multipart(body)?;
    let mut header = |name: &'static str, value: &str| {
        let name = HeaderName::new_from_ascii_str(name);
        mail.headers_mut().insert_raw(HeaderValue::dangerous_new_pre_encoded(name, value.to_owned(), value.to_owned()));
    };
    // Nobody's machine is to answer it, and none of ours to tell of it.
    header("Auto-Submitted", "auto-generated");
    header("X-Auto-Response-Suppress", "All");
    header(ORIGIN_HEADER, content.origin);
    if let Some(url) = &page.unsubscribe {
        header("List-Unsubscribe", &format!("<{url}>"));
        header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
    }
    Ok(Letter { to, bytes: mail.formatted() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::page::{Action, Item};

    fn letter(page: &Page) -> String {
        let content = Content {
            to: "ann@example.org",
            message_id: "0199aaaa@example.com",
            at: Timestamp::from_timestamp(1_790_000_000, 0).unwrap(),
            page,
            origin: "digest;v1=abc",
        };
        let letter = compose(&"Postrider <mail@example.com>".parse().unwrap(), &content).unwrap();
        String::from_utf8(letter.bytes).unwrap()
    }

    fn page() -> Page {
        Page {
            title: "Grüße\r\nBcc: all@example.org".to_owned(),
            intro: vec!["New mail.".to_owned()],
            items: vec![Item { title: "<script>alert(1)</script>".to_owned(), lines: vec!["a & b".to_owned()] }],
            action: Some(Action { label: "Connect again".to_owned(), url: "https://x.example/connect/abc".to_owned() }),
            footer: vec!["Why you get this".to_owned()],
            unsubscribe: Some("https://x.example/api/notifications/unsubscribe/abc".to_owned()),
        }
    }

    #[test]
    fn it_says_what_it_is_and_carries_no_header_of_a_stranger() {
        let mail = letter(&page());
        let (headers, body) = mail.split_once("\r\n\r\n").unwrap();
        for wanted in [
            "Auto-Submitted: auto-generated",
            "X-Postrider-Origin: digest;v1=abc",
            "List-Unsubscribe: <https://x.example/api/notifications/unsubscribe/abc>",
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
            "Message-ID: <0199aaaa@example.com>",
            "To: ann@example.org",
        ] {
            assert!(headers.lines().any(|line| line == wanted), "{wanted} not in {headers}");
        }
        assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
        assert!(mail.is_ascii() && mail.lines().all(|line| line.len() < 1_000));
        let (_, html) = body.split_once("text/html").unwrap();
        assert!(html.contains("script&#62;") && !html.contains("<script"), "{html}");
    }

    #[test]
    fn text_and_html_say_the_same_and_html_is_escaped() {
        let page = page();
        let (text, html) = (Plain { page: &page }.render().unwrap(), Html { page: &page }.render().unwrap());
        for said in ["New mail.", "Connect again", "https://x.example/connect/abc", "Why you get this"] {
            assert!(text.contains(said) && html.contains(said), "{said}\n{text}\n{html}");
        }
        assert!(text.contains("a & b") && text.contains("unsubscribe/abc"), "{text}");
        assert!(!html.contains("<script") && html.contains("a &#38; b"), "{html}");
    }

    #[test]
    fn what_must_be_read_cannot_be_unsubscribed_from() {
        let mail = letter(&Page { unsubscribe: None, ..page() });
        assert!(!mail.contains("List-Unsubscribe"));
    }
}
