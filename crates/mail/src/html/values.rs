//! Which values attributes may hold.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::{Remote, View, style};

/// The value to write for an attribute that is known; None if it must go.
pub(super) fn harmless<'v>(
    element: &str,
    attribute: &str,
    value: Cow<'v, str>,
    view: &View<'_>,
) -> Option<Cow<'v, str>> {
    match (element, attribute) {
        ("img", "src") => picture(address(value), view),
        ("a", "href") => {
            Some(address(value)).filter(|value| starts(value, &["http://", "https://", "mailto:", "tel:"]))
        }
        (_, "style") => style::harmless(&value).map(Cow::Owned),
        _ => Some(value),
    }
}

/// As browsers read it: without white space around it, and without line ends and tabs within.
fn address(value: Cow<'_, str>) -> Cow<'_, str> {
    let outer = |c: char| c <= ' ';
    if !value.contains(['\t', '\n', '\r']) && value.trim_matches(outer).len() == value.len() {
        return value;
    }
    Cow::Owned(value.trim_matches(outer).replace(['\t', '\n', '\r'], ""))
}

fn picture<'v>(value: Cow<'v, str>, view: &View<'_>) -> Option<Cow<'v, str>> {
    if let Some(id) = value.get(4..).filter(|_| starts(&value, &["cid:"])) {
        return match view.cid {
            Some(place) => place(&percent_decode_str(id).decode_utf8().unwrap_or(Cow::Borrowed(id))).map(Cow::Owned),
            None => Some(value),
        };
    }
    let elsewhere = view.remote == Remote::Images && starts(&value, &["http://", "https://"]);
    (elsewhere || is_raster(&value)).then_some(value)
}

fn starts(value: &str, schemes: &[&str]) -> bool {
    schemes.iter().any(|scheme| value.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme)))
}

/// A picture of points, written into the mail.
fn is_raster(value: &str) -> bool {
    let Some(kind) = value.get(11..).filter(|_| starts(value, &["data:image/"])) else { return false };
    let end = kind.find([';', ',']).and_then(|end| kind.get(..end));
    end.is_some_and(|kind| ["png", "jpeg", "jpg", "gif", "webp"].iter().any(|known| known.eq_ignore_ascii_case(kind)))
}
