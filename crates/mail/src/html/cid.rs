//! `cid:` addresses of sanitised HTML, pointed at where the images are.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Rewrites the `src` of images. Works on what the sanitiser wrote: `<` begins a tag only, and values stand in double quotes
/// that never occur within them.
pub(super) fn rewrite(clean: &str, place: &super::Place<'_>) -> String {
    const SOURCE: &str = " src=\"cid:";
    let mut out = String::with_capacity(clean.len());
    let mut pieces = clean.split('<');
    out.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        out.push('<');
        let found = piece.strip_prefix("img").and_then(|tag| {
            let (before, rest) = tag.split_once(SOURCE)?;
            // Within the tag: its end was not passed.
            let (id, after) = rest.split_once('"').filter(|_| !outside(before))?;
            Some((before, id, after))
        });
        let Some((before, id, after)) = found else {
            out.push_str(piece);
            continue;
        };
        out.push_str("img");
        out.push_str(before);
        if let Some(address) = place(&decoded(id)) {
            out.push_str(" src=\"");
            out.push_str(&escaped(&address));
            out.push('"');
        }
        out.push_str(after);
    }
    out
}

/// Whether a tag ended in what was read of it.
fn outside(tag: &str) -> bool {
    tag.split('"').step_by(2).any(|between| between.contains('>'))
}

/// The content id: without the escapes of HTML and of URLs (RFC 2392).
fn decoded(id: &str) -> String {
    let id = id.replace("&quot;", "\"").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    percent_decode_str(&id).decode_utf8().map(Cow::into_owned).unwrap_or_else(|_bytes| id.clone())
}

fn escaped(address: &str) -> String {
    address.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_the_mail_are_pointed_at_and_unknown_ones_lose_their_address() {
        let place = |id: &str| (id == "logo@x").then(|| "/a/1?x=1&y=\"2\"".to_owned());
        for (clean, expected) in [
            ("<img src=\"cid:logo@x\">", "<img src=\"/a/1?x=1&amp;y=&quot;2&quot;\">"),
            (
                "a<img alt=\"b > c\" src=\"cid:logo%40x\">d",
                "a<img alt=\"b > c\" src=\"/a/1?x=1&amp;y=&quot;2&quot;\">d",
            ),
            ("<img alt=\"b\" src=\"cid:other\">", "<img alt=\"b\">"),
            ("<img alt=\"b\"> src=\"cid:logo@x\"", "<img alt=\"b\"> src=\"cid:logo@x\""),
            ("<p> src=\"cid:logo@x\"</p>", "<p> src=\"cid:logo@x\"</p>"),
            ("plain", "plain"),
        ] {
            assert_eq!(rewrite(clean, &place), expected, "{clean}");
        }
    }
}
