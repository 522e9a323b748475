//! Attacks from the tests of other sanitisers (`tests/html`): nothing of what is shown runs, loads or hides anything.
//!
//! What is shown is read again by html5ever's tokenizer, which shares no code with the one that wrote it.

use std::cell::RefCell;
use std::path::Path;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts};
use postrider_mail::{Remote, View, parse, sanitise, shown_html};
use serde_json::Value;

const ELEMENTS: &str = " a abbr acronym address article aside b bdi bdo big blockquote br caption center cite code col colgroup data dd \
    del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li main mark nav \
    ol p pre q rp rt rtc ruby s samp section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u \
    ul var wbr ";

const PLAIN: &str = " align alt bgcolor border cellpadding cellspacing char charoff color colspan datetime dir face headers height \
    hreflang hspace lang nowrap rel rowspan scope size span start summary target title valign vspace width ";

#[derive(Default)]
struct Sink(RefCell<Vec<String>>, bool);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let fault = match &token {
            Token::TagToken(tag) => fault(tag, self.1),
            Token::CommentToken(_) | Token::DoctypeToken(_) | Token::NullCharacterToken | Token::ParseError(_) => {
                Some(format!("{token:?}"))
            }
            Token::CharacterTokens(_) | Token::EOFToken => None,
        };
        self.0.borrow_mut().extend(fault);
        TokenSinkResult::Continue
    }
}

/// What is wrong with a tag that is shown.
fn fault(tag: &Tag, remote: bool) -> Option<String> {
    let is_in = |list: &str, word: &str| list.contains(&format!(" {word} "));
    let begins = |value: &str, heads: &[&str]| heads.iter().any(|head| value.to_ascii_lowercase().starts_with(head));
    if !is_in(ELEMENTS, &tag.name) || tag.kind == TagKind::EndTag && !tag.attrs.is_empty() {
        return Some(format!("{tag:?}"));
    }
    tag.attrs.iter().find_map(|attribute| {
        let (name, value) = (&*attribute.name.local, &*attribute.value);
        let good = match (&*tag.name, name) {
            ("a", "href") => begins(value, &["http://", "https://", "mailto:", "tel:"]),
            ("img", "src") => {
                begins(
                    value,
                    &[
                        "cid:",
                        "data:image/png",
                        "data:image/jpeg",
                        "data:image/jpg",
                        "data:image/gif",
                        "data:image/webp",
                    ],
                ) || remote && begins(value, &["http://", "https://"])
            }
            (_, "style") => !["url", "expression", "@", "\\", "position", "binding", "behavior", "var("]
                .iter()
                .any(|bad| value.contains(bad)),
            (_, name) => is_in(PLAIN, name),
        };
        (!good).then(|| format!("{}: {name}={value}", tag.name))
    })
}

fn faults(html: &str, remote: bool) -> Vec<String> {
    let tokens = Tokenizer::new(
        Sink(RefCell::default(), remote),
        TokenizerOpts { exact_errors: true, ..TokenizerOpts::default() },
    );
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    while !input.is_empty() {
        let _ = tokens.feed(&input);
    }
    tokens.end();
    tokens.sink.0.take()
}

#[test]
fn attacks_come_to_nothing() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/html/vectors.json");
    let vectors: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    assert!(vectors.len() >= 200, "{}", vectors.len());
    for vector in &vectors {
        let html = vector["html"].as_str().unwrap();
        let raw = format!("Subject: x\r\nContent-Type: text/html; charset=utf-8\r\n\r\n{html}");
        let images = View { remote: Remote::Images, ..View::default() };
        for (view, remote) in [(View::default(), false), (images, true)] {
            let shown = shown_html(raw.as_bytes(), &view).unwrap_or_default();
            assert_eq!(faults(&shown, remote), [""; 0], "{html}\n{shown}");
            // Reading it again changes nothing: no reader sees in it what the writer did not.
            assert_eq!(sanitise(&shown, &view).unwrap_or_default(), shown, "{html}");
        }
        assert_eq!(parse(raw.as_bytes()).html, shown_html(raw.as_bytes(), &View::default()), "{html}");
    }
}

#[test]
fn the_check_sees_what_must_not_be_shown() {
    for bad in [
        "<script>x</script>",
        "<p onclick=x>",
        "<img src=\"http://x.example\">",
        "<a href=\"javascript:x\">",
        "<p style=\"color:url(x)\">",
        "<!-- x -->",
        "<p><svg></svg>",
        "<img src=\"data:image/svg+xml,x\">",
        "<td background=x>",
        "<p title=\"x\" title=\"y\">",
    ] {
        assert!(!faults(bad, false).is_empty(), "{bad}");
    }
}
