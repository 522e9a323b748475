//! HTML of mails, made harmless.
//!
//! What stays: text, structure, harmless styles, links (http, https, mailto, tel; opened apart, without a referrer), images
//! that come with the mail (`cid:`) or are written into it (`data:` with a raster image type). What goes: scripts, forms,
//! frames, style sheets, and every attribute that would load something from elsewhere: opening a mail must not tell its
//! sender. A reader who asks for it gets the pictures of other places, and only those.

use std::borrow::Cow;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::limits;

mod cid;
mod style;

/// Whether what is elsewhere is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Remote {
    #[default]
    Blocked,
    /// Pictures by http and https.
    Images,
}

/// Where the image with a content id is to be had; None drops the image's address.
pub type Place<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// How HTML is to be shown.
#[derive(Clone, Copy, Default)]
pub struct View<'a> {
    pub remote: Remote,
    /// Without this, `cid:` stays.
    pub cid: Option<&'a Place<'a>>,
}

/// Elements that take their content with them when they go.
const GONE_WHOLE: [&str; 10] =
    ["script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math", "noembed"];

static LOCAL: LazyLock<Builder<'static>> = LazyLock::new(|| builder(Remote::Blocked));
static REMOTE: LazyLock<Builder<'static>> = LazyLock::new(|| builder(Remote::Images));

fn builder(remote: Remote) -> Builder<'static> {
    let mut builder = Builder::default();
    builder
        .add_tags(["font", "big"])
        .add_clean_content_tags(GONE_WHOLE)
        .add_url_schemes(["cid", "data"])
        .url_relative(UrlRelative::Deny)
        .rm_tags(["map", "area"])
        .add_tag_attributes("a", ["target"])
        .set_tag_attribute_value("a", "target", "_blank")
        .link_rel(Some("noopener noreferrer nofollow"))
        .add_generic_attributes(["style", "align", "dir"])
        .add_tag_attributes("td", ["bgcolor", "valign", "width", "height", "nowrap"])
        .add_tag_attributes("th", ["bgcolor", "valign", "width", "height", "nowrap"])
        .add_tag_attributes("tr", ["bgcolor", "valign"])
        .add_tag_attributes("table", ["bgcolor", "width", "cellpadding", "cellspacing", "border"])
        .add_tag_attributes("font", ["color", "face", "size"])
        .add_tag_attributes("img", ["border", "hspace", "vspace"])
        .filter_style_properties(style::PROPERTIES.into_iter().collect())
        .attribute_filter(move |element, attribute, value| filtered(element, attribute, value, remote));
    builder
}

/// Which values attributes may hold; what attributes there may be is ammonia's business.
fn filtered<'u>(element: &str, attribute: &str, value: &'u str, remote: Remote) -> Option<Cow<'u, str>> {
    let value = value.trim_start();
    let starts = |prefix: &str| value.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix));
    let elsewhere = remote == Remote::Images && (starts("http://") || starts("https://"));
    let good = match (element, attribute) {
        ("img", "src") => starts("cid:") || is_raster(value) || elsewhere,
        ("a", "href") => ["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| starts(scheme)),
        (_, "src" | "href" | "cite" | "background" | "srcset" | "poster" | "action") => false,
        (_, "style") => style::is_harmless(value),
        _ => true,
    };
    good.then_some(Cow::Borrowed(value))
}

/// A picture of points, written into the mail.
fn is_raster(value: &str) -> bool {
    ["png", "jpeg", "jpg", "gif", "webp"].iter().any(|kind| {
        let head = format!("data:image/{kind}");
        let rest =
            value.get(..head.len()).filter(|given| given.eq_ignore_ascii_case(&head)).and(value.get(head.len()..));
        rest.is_some_and(|rest| rest.starts_with([';', ',']))
    })
}

/// Sanitises HTML of bounded size; None if it nests too deeply to be worked on.
pub fn sanitise(html: &str, view: &View<'_>) -> Option<String> {
    if depth(html) > limits::HTML_DEPTH {
        return None;
    }
    let builder = match view.remote {
        Remote::Blocked => &LOCAL,
        Remote::Images => &REMOTE,
    };
    let clean = builder.clean(html).to_string();
    Some(match view.cid {
        Some(place) => cid::rewrite(&clean, place),
        None => clean,
    })
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
