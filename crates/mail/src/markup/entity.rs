//! Character references (WHATWG HTML §13.2.5.72).

use std::borrow::Cow;

use html5ever::data::{C1_REPLACEMENTS, NAMED_ENTITIES};
use memchr::memchr;

/// The longest name there is.
const LONGEST: usize = 32;
/// The longest that needs no semicolon.
const LONGEST_BARE: usize = 6;

/// Text with its references resolved. In attributes those without a semicolon are stricter: `?a=1&copy=2` means it.
pub(crate) fn decode(text: &str, in_attribute: bool) -> Cow<'_, str> {
    if memchr(b'&', text.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        rest = match reference(after, in_attribute) {
            Some((first, second, length)) => {
                out.push(first);
                out.extend(second);
                after.get(length..).unwrap_or_default()
            }
            None => {
                out.push('&');
                after
            }
        };
    }
    out.push_str(rest);
    Cow::Owned(out)
}

/// What stands behind a `&`: one or two characters, and how long the reference is.
fn reference(text: &str, in_attribute: bool) -> Option<(char, Option<char>, usize)> {
    for (name, c) in [("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("nbsp;", '\u{A0}')] {
        if text.starts_with(name) {
            return Some((c, None, name.len()));
        }
    }
    if let Some(number) = text.strip_prefix('#') {
        let (c, length) = numeric(number)?;
        return Some((c, None, length + 1));
    }
    let run = text.bytes().take(LONGEST).take_while(u8::is_ascii_alphanumeric).count();
    let known = |length: usize| {
        let (first, second) = NAMED_ENTITIES.get(text.get(..length)?)?;
        Some((
            char::from_u32(*first).filter(|first| *first != '\0')?,
            char::from_u32(*second).filter(|c| *c != '\0'),
            length,
        ))
    };
    if text.as_bytes().get(run) == Some(&b';')
        && let Some(found) = known(run + 1)
    {
        return Some(found);
    }
    let found = (2..=run.min(LONGEST_BARE)).rev().find_map(known)?;
    let next = text.as_bytes().get(found.2);
    let part_of_more = in_attribute && next.is_some_and(|byte| *byte == b'=' || byte.is_ascii_alphanumeric());
    (!part_of_more).then_some(found)
}

/// `38;` or `x26;`.
fn numeric(text: &str) -> Option<(char, usize)> {
    let hex = text.strip_prefix(['x', 'X']);
    let (digits, radix) = hex.map_or((text, 10), |digits| (digits, 16));
    let length = digits.chars().take_while(|c| c.is_digit(radix)).count();
    let number = digits.get(..length).filter(|digits| !digits.is_empty())?;
    let code = u32::from_str_radix(number, radix).unwrap_or(u32::MAX);
    let c1 = code.checked_sub(0x80).and_then(|at| C1_REPLACEMENTS.get(usize::try_from(at).ok()?).copied().flatten());
    let c = c1.or_else(|| char::from_u32(code).filter(|c| *c != '\0')).unwrap_or(char::REPLACEMENT_CHARACTER);
    let semicolon = usize::from(digits.as_bytes().get(length) == Some(&b';'));
    Some((c, usize::from(hex.is_some()) + length + semicolon))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_as_browsers_do() {
        for (text, plain, attribute) in [
            ("a &amp; b &lt;&gt;&quot;&apos;&nbsp;", "a & b <>\"'\u{A0}", "a & b <>\"'\u{A0}"),
            (
                "&#65;&#x42;&#X43;&#68 &#x110000;&#0;&#xD800;&#99999999999;",
                "ABCD \u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}",
                "ABCD \u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}",
            ),
            ("&#150;&#x80;&#x81;", "–€\u{81}", "–€\u{81}"),
            ("&euro;&CounterClockwiseContourIntegral;&NotEqualTilde;", "€∳≂\u{338}", "€∳≂\u{338}"),
            ("&notit; &notin; &copy &copyx", "¬it; ∉ © ©x", "&notit; ∉ © &copyx"),
            ("?a=1&copy=2&amp=3", "?a=1©=2&=3", "?a=1&copy=2&amp=3"),
            ("& &; &# &#; &#x; &zzz; &", "& &; &# &#; &#x; &zzz; &", "& &; &# &#; &#x; &zzz; &"),
        ] {
            assert_eq!(decode(text, false), plain, "{text}");
            assert_eq!(decode(text, true), attribute, "{text}");
        }
    }
}
