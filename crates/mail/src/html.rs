//! HTML of mails, made harmless.
//!
//! What stays: text, structure, harmless styles, links (http, https, mailto, tel; opened apart, without a referrer), images
//! that come with the mail (`cid:`) or are written into it (`data:` with a raster image type). What goes: scripts, forms,
//! frames, style sheets, and every attribute that would load something from elsewhere: opening a mail must not tell its
//! sender. A reader who asks for it gets the pictures of other places, and only those.

use super::limits;

mod allowed;
mod open;
mod style;
mod values;
mod writer;

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

/// HTML that may be shown.
pub(super) struct Shown {
    pub(super) html: String,
    /// Whether some of it was left out because it became too long.
    pub(super) cut: bool,
}

/// Sanitises HTML of bounded size; None if it nests too deeply to be worked on.
pub fn sanitise(html: &str, view: &View<'_>) -> Option<String> {
    sanitised(html, view).map(|shown| shown.html)
}

pub(super) fn sanitised(html: &str, view: &View<'_>) -> Option<Shown> {
    (depth(html) <= limits::HTML_DEPTH).then(|| writer::write(html, view))
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
