//! The same tokens as a browser's.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token as Theirs, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};
use proptest::prelude::*;

use super::*;

/// Tokens in one form: text joined, names in lower case, references resolved.
fn ours(html: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut text = String::new();
    let mut last = "";
    for token in Tokens::of(html) {
        match token {
            Token::Text(piece) => text.push_str(&entity::decode(piece, false)),
            Token::Raw(piece) if matches!(last, "title" | "textarea") => text.push_str(&entity::decode(piece, false)),
            Token::Raw(piece) => text.push_str(piece),
            Token::Start(tag) => {
                end_text(&mut out, &mut text);
                let mut attributes: Vec<(String, String)> = Vec::new();
                for (name, value) in tag.attributes() {
                    let name = name.to_ascii_lowercase();
                    if attributes.iter().all(|(given, _)| *given != name) {
                        attributes.push((name, entity::decode(value, true).into_owned()));
                    }
                }
                out.push(format!("<{} {attributes:?}>", tag.name.to_ascii_lowercase()));
                last = RAW.into_iter().find(|raw| raw.eq_ignore_ascii_case(tag.name)).unwrap_or_default();
            }
            Token::End(name) => {
                end_text(&mut out, &mut text);
                out.push(format!("</{}>", name.to_ascii_lowercase()));
            }
        }
    }
    end_text(&mut out, &mut text);
    out
}

fn end_text(out: &mut Vec<String>, text: &mut String) {
    if !text.is_empty() {
        out.push(std::mem::take(text));
    }
}

#[derive(Default)]
struct Sink(RefCell<(Vec<String>, String)>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Theirs, _line: u64) -> TokenSinkResult<()> {
        let (out, text) = &mut *self.0.borrow_mut();
        match token {
            Theirs::CharacterTokens(piece) => text.push_str(&piece),
            Theirs::NullCharacterToken => text.push('\0'),
            Theirs::TagToken(tag) if tag.kind == TagKind::StartTag => {
                end_text(out, text);
                let attributes: Vec<_> =
                    tag.attrs.iter().map(|given| (given.name.local.to_string(), given.value.to_string())).collect();
                out.push(format!("<{} {attributes:?}>", tag.name));
                return match &*tag.name {
                    "script" | "style" | "xmp" | "iframe" | "noembed" | "noframes" => {
                        TokenSinkResult::RawData(RawKind::Rawtext)
                    }
                    "title" | "textarea" => TokenSinkResult::RawData(RawKind::Rcdata),
                    "plaintext" => TokenSinkResult::Plaintext,
                    _ => TokenSinkResult::Continue,
                };
            }
            Theirs::TagToken(tag) => {
                end_text(out, text);
                out.push(format!("</{}>", tag.name));
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

fn theirs(html: &str) -> Vec<String> {
    let tokens = Tokenizer::new(Sink::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    while !input.is_empty() {
        let _ = tokens.feed(&input);
    }
    tokens.end();
    let (mut out, mut text) = tokens.sink.0.into_inner();
    end_text(&mut out, &mut text);
    out
}

#[test]
fn tokens_are_those_of_html5ever() {
    for html in [
        "a<b>c</b>d",
        "<p class=x id='y' z=\"&lt;&amp\" w>",
        "<a href=x/>",
        "<a/b/c=d/>",
        "<a =b==c>",
        "<a b = c>",
        "<a b= >x",
        "<a b=\"c>d\">e",
        "<a b='",
        "<a b",
        "<a",
        "</a x=y>z",
        "</>a",
        "</ a>b",
        "</",
        "<",
        "<<b>",
        "< a",
        "<3",
        "<!-- a -- > --- b-->c",
        "<!-->a",
        "<!--->b",
        "<!-- --!>c",
        "<!-- a --->b-->",
        "<!--",
        "<!doctype html>x",
        "<![CDATA[a>b]]>",
        "<?php x?>y",
        "<!>z",
        "<style>a<b></styl></STYLE >c",
        "<script>a</script>b",
        "<title>a&amp;<b></title>",
        "<textarea></textareax></textarea/>c",
        "<xmp>&amp;</xmp>",
        "<plaintext>a</plaintext>",
        "<iframe><p></iframe>",
        "<A HREF=X Href=y>",
        "<b\u{e9}\u{a0}x=y>",
        "&lt;b&gt;&#60",
        "<a b=c\td=e\nf\x0cg>",
        "<a\n>",
        "<a b=\"c\"d=e>",
        "<style>",
        "<title",
    ] {
        assert_eq!(ours(html), theirs(html), "{html}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn tokens_are_those_of_html5ever_whatever_comes(pieces in proptest::collection::vec(
        prop_oneof![
            Just("<".to_owned()), Just(">".to_owned()), Just("</".to_owned()), Just("<!--".to_owned()), Just("-->".to_owned()), Just("--!>".to_owned()),
            Just("-".to_owned()), Just("=".to_owned()), Just("\"".to_owned()), Just("'".to_owned()), Just("/".to_owned()), Just("<a href=".to_owned()),
            Just("<style>".to_owned()), Just("</style".to_owned()), Just("<title>".to_owned()), Just("</title>".to_owned()), Just(" ".to_owned()),
            Just("&amp".to_owned()), Just("&notin;".to_owned()), Just("&#x41".to_owned()), Just("<?".to_owned()), Just("<![CDATA[".to_owned()),
            "[a-zA-Zé&;#]{0,6}"], 0..30)) {
        let html = pieces.concat();
        prop_assert_eq!(ours(&html), theirs(&html));
    }
}
