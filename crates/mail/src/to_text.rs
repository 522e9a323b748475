//! Text out of HTML: what a reader sees, block elements on lines of their own, links with their address.

use crate::markup::{Tag, Token, Tokens, entity};

/// The text of HTML of bounded size.
pub(crate) fn read(html: &str) -> String {
    let mut writer = Writer::default();
    let mut raw = None;
    for token in Tokens::of(html) {
        match token {
            Token::Text(text) => writer.text(&entity::decode(text, false)),
            Token::Start(tag) => {
                raw = Some(tag.name).filter(|name| !name.eq_ignore_ascii_case("textarea"));
                writer.named(tag.name, |writer, name| writer.begin(name, &tag));
            }
            Token::Raw(text) if raw.is_none() => writer.text(&entity::decode(text, false)),
            Token::Raw(text) => writer.text(text),
            Token::End(name) => writer.named(name, Writer::finish),
        }
    }
    writer.end()
}

/// Plain text as HTML.
pub(crate) fn dress(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8 + 32);
    html.push_str("<div style=\"white-space: pre-wrap\">");
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '\r' => {}
            '\n' => html.push_str("<br>"),
            c => html.push(c),
        }
    }
    html.push_str("</div>");
    html
}

#[derive(Default)]
struct Writer {
    out: String,
    /// The element whose content is not shown.
    hidden: Option<String>,
    /// Within `pre`: white space counts.
    preformatted: usize,
    quoted: usize,
    /// Line ends and a space that come before the next word.
    lines: usize,
    space: bool,
    /// The address of the link that is open, and where its text began.
    link: Option<(String, usize)>,
}

impl Writer {
    /// Names are compared in lower case; the longest that mean anything here are short.
    fn named(&mut self, name: &str, does: impl FnOnce(&mut Self, &str)) {
        let mut lower = [0_u8; 16];
        if let Some(lower) = lower.get_mut(..name.len()) {
            lower.copy_from_slice(name.as_bytes());
            lower.make_ascii_lowercase();
            does(self, std::str::from_utf8(lower).unwrap_or_default());
        }
    }

    fn begin(&mut self, name: &str, tag: &Tag<'_>) {
        let attribute = |wanted: &str| tag.get(wanted).map(|value| entity::decode(value, true));
        match name {
            "br" => self.end_line(),
            "a" => {
                self.link = attribute("href").and_then(|href| address(href.trim())).map(|href| (href, self.out.len()))
            }
            "img" => {
                if let Some(alt) = attribute("alt") {
                    self.text(alt.trim());
                }
            }
            "td" | "th" => self.space = true,
            "li" => {
                self.break_lines(1);
                self.write("- ");
            }
            "pre" => {
                self.break_lines(2);
                self.preformatted += 1;
            }
            "blockquote" => {
                self.break_lines(2);
                self.quoted = (self.quoted + 1).min(20);
            }
            "script" | "style" | "title" | "iframe" | "noembed" | "noframes" => {
                self.hidden.get_or_insert_with(|| name.to_owned());
            }
            name => self.break_lines(margin(name)),
        }
    }

    fn finish(&mut self, name: &str) {
        if self.hidden.as_deref() == Some(name) {
            self.hidden = None;
        }
        match name {
            "a" => self.end_link(),
            "pre" => {
                self.preformatted = self.preformatted.saturating_sub(1);
                self.break_lines(2);
            }
            "blockquote" => {
                self.break_lines(2);
                self.quoted = self.quoted.saturating_sub(1);
            }
            name => self.break_lines(margin(name)),
        }
    }

    /// The address behind the link's text, unless the text is the address.
    fn end_link(&mut self) {
        let Some((address, from)) = self.link.take() else { return };
        let shown = self.out.get(from..).unwrap_or_default().trim().trim_end_matches('/').to_ascii_lowercase();
        let plain = address.trim_end_matches('/').to_ascii_lowercase();
        let bare = ["https://", "http://", "mailto:", "tel:"].iter().find_map(|scheme| plain.strip_prefix(scheme));
        if shown.is_empty() || shown == plain || Some(shown.as_str()) == bare {
            return;
        }
        self.space = false;
        self.write(" <");
        self.write(&address);
        self.write(">");
    }

    fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        if self.preformatted > 0 {
            for (at, line) in text.split('\n').enumerate() {
                if at > 0 {
                    self.end_line();
                }
                self.write(line.trim_end_matches('\r'));
            }
            return;
        }
        // No-break spaces are white space here: mails are laid out with them.
        let white = |c: char| c.is_ascii_whitespace() || c == '\u{A0}';
        for (at, word) in text.split(white).enumerate() {
            self.space |= at > 0;
            if !word.is_empty() {
                self.write(word);
            }
        }
    }

    fn write(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.lines > 0 && !self.out.is_empty() {
            self.out.extend(std::iter::repeat_n('\n', self.lines));
        } else if self.space && !self.out.is_empty() && !self.out.ends_with([' ', '\n']) {
            self.out.push(' ');
        }
        if self.quoted > 0 && (self.lines > 0 || self.out.is_empty()) {
            self.out.extend(std::iter::repeat_n('>', self.quoted));
            self.out.push(' ');
        }
        (self.lines, self.space) = (0, false);
        self.out.push_str(text);
    }

    /// Ends a line; more than one in a row give one empty line.
    fn end_line(&mut self) {
        self.lines = (self.lines + 1).min(2);
    }

    /// At least so many line ends before what comes next.
    fn break_lines(&mut self, lines: usize) {
        self.lines = self.lines.max(lines);
    }

    fn end(mut self) -> String {
        self.end_link();
        self.out
    }
}

/// An address worth showing.
fn address(href: &str) -> Option<String> {
    let schemes = ["https://", "http://", "mailto:", "tel:"];
    let good =
        schemes.iter().any(|scheme| href.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)));
    (good && href.len() <= 2_000).then(|| href.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect())
}

/// How many line ends stand around an element: two for what has a margin, one for other blocks.
fn margin(name: &str) -> usize {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "ul" | "ol" | "dl" | "table" | "hr" => 2,
        "div" | "tr" | "li" | "dt" | "dd" | "address" | "article" | "aside" | "center" | "details" | "fieldset"
        | "figure" | "figcaption" | "footer" | "form" | "header" | "main" | "nav" | "section" | "summary" | "body"
        | "caption" | "thead" | "tbody" | "tfoot" | "legend" | "option" => 1,
        _ => 0,
    }
}

#[cfg(test)]
#[path = "to_text_tests.rs"]
mod tests;
