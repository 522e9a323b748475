//! Elements and attributes that stay.

/// What an element is to those around it: enough of the rules of HTML §13.2.6 that each element is closed where a browser
/// would close it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Class {
    /// Has no content.
    Void,
    /// Goes on behind the end of the block it began in, until it is closed itself.
    Formatting,
    Inline,
    Block,
    Paragraph,
    List,
    Item,
    Term,
    Table,
    /// Rows of a table, or its columns.
    Group,
    Row,
    /// What is in it cannot be closed from outside, nor the other way round.
    Cell,
}

/// An element that stays.
#[derive(Debug)]
pub(super) struct Element {
    pub(super) name: &'static str,
    pub(super) class: Class,
    /// Its own attributes, beside [`GENERIC`].
    pub(super) attributes: &'static [&'static str],
}

/// Attributes of every element.
pub(super) const GENERIC: [&str; 5] = ["align", "dir", "lang", "style", "title"];

const NONE: &[&str] = &[];
const CELL: &[&str] =
    &["bgcolor", "char", "charoff", "colspan", "headers", "height", "nowrap", "rowspan", "scope", "valign", "width"];
const ROW: &[&str] = &["bgcolor", "char", "charoff", "valign"];
const TABLE: &[&str] = &["bgcolor", "border", "cellpadding", "cellspacing", "char", "charoff", "summary", "width"];
const COLUMN: &[&str] = &["char", "charoff", "span", "width"];

const fn of(name: &'static str, class: Class, attributes: &'static [&'static str]) -> Element {
    Element { name, class, attributes }
}

/// Sorted by name.
static ELEMENTS: [Element; 79] = [
    of("a", Class::Formatting, &["href", "hreflang"]),
    of("abbr", Class::Inline, NONE),
    of("acronym", Class::Inline, NONE),
    of("address", Class::Block, NONE),
    of("article", Class::Block, NONE),
    of("aside", Class::Block, NONE),
    of("b", Class::Formatting, NONE),
    of("bdi", Class::Inline, NONE),
    of("bdo", Class::Inline, NONE),
    of("big", Class::Formatting, NONE),
    of("blockquote", Class::Block, NONE),
    of("br", Class::Void, NONE),
    of("caption", Class::Cell, NONE),
    of("center", Class::Block, NONE),
    of("cite", Class::Inline, NONE),
    of("code", Class::Formatting, NONE),
    of("col", Class::Void, COLUMN),
    of("colgroup", Class::Group, COLUMN),
    of("data", Class::Inline, NONE),
    of("dd", Class::Term, NONE),
    of("del", Class::Inline, &["datetime"]),
    of("details", Class::Block, NONE),
    of("dfn", Class::Inline, NONE),
    of("div", Class::Block, NONE),
    of("dl", Class::List, NONE),
    of("dt", Class::Term, NONE),
    of("em", Class::Formatting, NONE),
    of("figcaption", Class::Block, NONE),
    of("figure", Class::Block, NONE),
    of("font", Class::Formatting, &["color", "face", "size"]),
    of("footer", Class::Block, NONE),
    of("h1", Class::Block, NONE),
    of("h2", Class::Block, NONE),
    of("h3", Class::Block, NONE),
    of("h4", Class::Block, NONE),
    of("h5", Class::Block, NONE),
    of("h6", Class::Block, NONE),
    of("header", Class::Block, NONE),
    of("hgroup", Class::Block, NONE),
    of("hr", Class::Void, &["size", "width"]),
    of("i", Class::Formatting, NONE),
    of("img", Class::Void, &["alt", "border", "height", "hspace", "src", "vspace", "width"]),
    of("ins", Class::Inline, &["datetime"]),
    of("kbd", Class::Inline, NONE),
    of("li", Class::Item, NONE),
    of("main", Class::Block, NONE),
    of("mark", Class::Inline, NONE),
    of("nav", Class::Block, NONE),
    of("ol", Class::List, &["start"]),
    of("p", Class::Paragraph, NONE),
    of("pre", Class::Block, NONE),
    of("q", Class::Inline, NONE),
    of("rp", Class::Inline, NONE),
    of("rt", Class::Inline, NONE),
    of("rtc", Class::Inline, NONE),
    of("ruby", Class::Inline, NONE),
    of("s", Class::Formatting, NONE),
    of("samp", Class::Inline, NONE),
    of("section", Class::Block, NONE),
    of("small", Class::Formatting, NONE),
    of("span", Class::Inline, NONE),
    of("strike", Class::Formatting, NONE),
    of("strong", Class::Formatting, NONE),
    of("sub", Class::Inline, NONE),
    of("summary", Class::Block, NONE),
    of("sup", Class::Inline, NONE),
    of("table", Class::Table, TABLE),
    of("tbody", Class::Group, ROW),
    of("td", Class::Cell, CELL),
    of("tfoot", Class::Group, ROW),
    of("th", Class::Cell, CELL),
    of("thead", Class::Group, ROW),
    of("time", Class::Inline, NONE),
    of("tr", Class::Row, ROW),
    of("tt", Class::Formatting, NONE),
    of("u", Class::Formatting, NONE),
    of("ul", Class::List, NONE),
    of("var", Class::Inline, NONE),
    of("wbr", Class::Void, NONE),
];

/// Elements that take their content with them when they go.
const GONE_WHOLE: [&str; 11] =
    ["iframe", "math", "noembed", "noframes", "noscript", "object", "script", "style", "svg", "template", "title"];

/// An element by its name, and its number.
pub(super) fn element(name: &str) -> Option<(u8, &'static Element)> {
    let at = ELEMENTS.binary_search_by(|element| by_letters(element.name, name)).ok()?;
    Some((u8::try_from(at).ok()?, ELEMENTS.get(at)?))
}

/// The element of a number.
pub(super) fn numbered(number: u8) -> Option<&'static Element> {
    ELEMENTS.get(usize::from(number))
}

pub(super) fn gone_whole(name: &str) -> Option<&'static str> {
    GONE_WHOLE.into_iter().find(|gone| gone.eq_ignore_ascii_case(name))
}

/// The attribute as it is written here, if the element may have it.
pub(super) fn attribute(element: &Element, name: &str) -> Option<&'static str> {
    let mut known = element.attributes.iter().chain(&GENERIC);
    known.find(|known| known.eq_ignore_ascii_case(name)).copied()
}

fn by_letters(ours: &str, given: &str) -> std::cmp::Ordering {
    ours.bytes().cmp(given.bytes().map(|byte| byte.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_whatever_their_letters() {
        assert!(ELEMENTS.is_sorted_by_key(|element| element.name));
        for (at, known) in ELEMENTS.iter().enumerate() {
            let (number, found) = element(&known.name.to_uppercase()).unwrap();
            assert_eq!((usize::from(number), found.name), (at, known.name));
            assert!(gone_whole(known.name).is_none());
        }
        for other in ["", "script", "x", "bb", "ſ", "form", "input", "svg", "body", "link", "meta", "base"] {
            assert!(element(other).is_none(), "{other}");
        }
        assert_eq!(attribute(element("IMG").unwrap().1, "SRC"), Some("src"));
        for other in ["srcset", "onload", "class", "id", "background", ""] {
            assert_eq!(attribute(element("img").unwrap().1, other), None, "{other}");
        }
    }
}
