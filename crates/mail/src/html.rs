//! HTML of mails, made harmless.
//!
//! What stays: text, structure, links (http, https, mailto, tel; opened apart, without a referrer), images that come
//! with the mail (`cid:`) or are written into it (`data:` with a raster image type). What goes: scripts, styles in any
//! form (`url()` in them loads), forms, frames, and every attribute that would load something from elsewhere: opening
//! a mail must not tell its sender.

use std::borrow::Cow;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::limits;

/// Elements that take their content with them when they go.
const GONE_WHOLE: [&str; 9] = ["script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math"];

static SANITISER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::default();
    builder
        .add_clean_content_tags(GONE_WHOLE)
        .add_url_schemes(["cid", "data"])
        .url_relative(UrlRelative::Deny)
        .rm_tags(["map", "area"])
        .add_tag_attributes("a", ["target"])
        .set_tag_attribute_value("a", "target", "_blank")
        .add_tag_attributes("td", ["bgcolor", "valign", "width"])
        .add_tag_attributes("tr", ["bgcolor", "valign"])
        .add_tag_attributes("table", ["bgcolor", "width", "cellpadding", "cellspacing", "border"])
        .attribute_filter(|element, attribute, value| allowed(element, attribute, value).then(|| Cow::from(value)));
    builder
});

/// Which addresses attributes may hold; other attributes are ammonia's business.
fn allowed(element: &str, attribute: &str, value: &str) -> bool {
    let value = value.trim_start();
    let starts = |prefix: &str| value.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    match (element, attribute) {
        ("img", "src") => {
            starts("cid:")
                || ["png", "jpeg", "jpg", "gif", "webp"].iter().any(|kind| starts(&format!("data:image/{kind}")))
        }
        ("a", "href") => ["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| starts(scheme)),
        (_, "src" | "href" | "cite" | "background" | "srcset" | "poster" | "action") => false,
        _ => true,
    }
}

/// Sanitises HTML of bounded size; None if it nests too deeply to be worked on.
pub(super) fn sanitise(html: &str) -> Option<String> {
    (depth(html) <= limits::HTML_DEPTH).then(|| SANITISER.clean(html).to_string())
}

/// Elements that have no end tag, or whose end tag is commonly left out: they close themselves and do not nest.
const FLAT: [&str; 28] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", "p",
    "li", "td", "th", "tr", "dd", "dt", "option", "thead", "tbody", "tfoot", "o:p", "body", "html",
];

/// How deep start tags stand inside each other, by counting.
fn depth(html: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    for tag in html.split('<').skip(1) {
        if let Some(rest) = tag.strip_prefix('/') {
            if rest.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_flat(rest) {
                depth = depth.saturating_sub(1);
            }
        } else if tag.starts_with(|c: char| c.is_ascii_alphabetic()) && !is_flat(tag) {
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// Whether the tag that begins here is one of [`FLAT`].
fn is_flat(tag: &str) -> bool {
    let end = |c: char| c.is_whitespace() || matches!(c, '>' | '/');
    let name = tag.split(end).next().unwrap_or_default();
    name.len() <= 6 && FLAT.iter().any(|flat| flat.eq_ignore_ascii_case(name))
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
