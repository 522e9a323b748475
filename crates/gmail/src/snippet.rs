//! Gmail writes snippets as HTML text: `Tom &amp; Jerry&#39;s`. Ours are plain.

use postrider_domain::text::without_nul;

/// Resolves character references and replaces NULs.
pub(super) fn unescape(snippet: &str) -> String {
    let mut plain = String::with_capacity(snippet.len());
    let mut rest = snippet;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        match reference(after) {
            Some((character, after)) => {
                plain.push(character);
                rest = after;
            }
            None => {
                plain.push('&');
                rest = after;
            }
        }
    }
    plain.push_str(rest);
    without_nul(plain)
}

/// The character a reference stands for, and what follows its semicolon.
fn reference(text: &str) -> Option<(char, &str)> {
    let (name, after) = text.split_once(';').filter(|(name, _)| name.len() <= 8)?;
    let character = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{A0}',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    Some((character, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_references_once_and_leaves_the_rest() {
        assert_eq!(unescape("Tom &amp; Jerry&#39;s &lt;b&gt; &#x1F600; &quot;x&quot;"), "Tom & Jerry's <b> 😀 \"x\"");
        assert_eq!(unescape("&amp;lt; a & b &unknown; &#xD800; &;"), "&lt; a & b &unknown; &#xD800; &;");
        assert_eq!(unescape("&#0;a\0"), "\u{FFFD}a\u{FFFD}");
    }
}
