//! Styles that change how a mail looks and nothing else.

/// Properties that neither load nor cover what is around the mail.
pub(super) const PROPERTIES: [&str; 61] = [
    "background-color",
    "border",
    "border-bottom",
    "border-bottom-color",
    "border-bottom-style",
    "border-bottom-width",
    "border-collapse",
    "border-color",
    "border-left",
    "border-left-color",
    "border-left-style",
    "border-left-width",
    "border-radius",
    "border-right",
    "border-right-color",
    "border-right-style",
    "border-right-width",
    "border-spacing",
    "border-style",
    "border-top",
    "border-top-color",
    "border-top-style",
    "border-top-width",
    "border-width",
    "clear",
    "color",
    "direction",
    "display",
    "float",
    "font",
    "font-family",
    "font-size",
    "font-style",
    "font-variant",
    "font-weight",
    "height",
    "letter-spacing",
    "line-height",
    "margin-bottom",
    "margin-left",
    "margin-right",
    "margin-top",
    "margin",
    "max-height",
    "max-width",
    "min-height",
    "min-width",
    "padding",
    "padding-bottom",
    "padding-left",
    "padding-right",
    "padding-top",
    "table-layout",
    "text-align",
    "text-decoration",
    "text-indent",
    "text-transform",
    "vertical-align",
    "white-space",
    "width",
    "word-break",
];

/// The declarations of a style that are harmless; None if there is none.
pub(super) fn harmless(style: &str) -> Option<String> {
    let mut kept = String::new();
    for declaration in style.split(';') {
        let Some((property, value)) = declaration.split_once(':') else { continue };
        let (property, value) = (property.trim(), value.trim());
        let known = PROPERTIES.iter().find(|known| known.eq_ignore_ascii_case(property));
        let harmless = |property: &&&str| !value.is_empty() && is_harmless(value) && stays_inside(property, value);
        let Some(property) = known.filter(harmless) else { continue };
        if !kept.is_empty() {
            kept.push(';');
        }
        kept.push_str(property);
        kept.push(':');
        kept.push_str(value);
    }
    (!kept.is_empty()).then_some(kept)
}

/// Whether a value is plain: no functions but those of colours, no escapes, nothing that could name a place, and nothing that
/// is open at its end and would reach into the next.
fn is_harmless(value: &str) -> bool {
    let plain = |c: char| !matches!(c, '\\' | '@' | '{' | '}' | '<') && !c.is_control();
    let known =
        |name: &str| ["rgb", "rgba", "hsl", "hsla", "calc"].iter().any(|known| known.eq_ignore_ascii_case(name));
    let even = |quote: char| value.matches(quote).count().is_multiple_of(2);
    value.chars().all(plain)
        && !value.contains("//")
        && !value.contains(['*', '!'])
        && even('"')
        && even('\'')
        && value.matches('(').count() == value.matches(')').count()
        && functions(value).all(known)
}

/// Whether a value leaves the element where its neighbours put it: with lengths below zero a mail would lie upon what is shown
/// around it.
fn stays_inside(property: &str, value: &str) -> bool {
    let moves = property.starts_with("margin") || property == "text-indent" || property == "letter-spacing";
    !moves || !value.contains(['-', '('])
}

/// The words before brackets.
fn functions(style: &str) -> impl Iterator<Item = &str> {
    let in_word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let before = style.match_indices('(').filter_map(|(at, _)| style.get(..at));
    before.map(move |head| head.rsplit(|c| !in_word(c)).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_values_pass() {
        for good in
            ["color: red", "color:rgb(1, 2, 3); width: calc(1px + 2em)", "font-family: 'Times New Roman', serif", ""]
        {
            assert!(is_harmless(good), "{good}");
        }
        for bad in [
            "background:url(https://track.example/x)",
            "color: URL (x)",
            "width: expression(alert(1))",
            "color: u\\72l(x)",
            "@import 'x'",
            "background-image: image-set('x' 1x)",
            "color: var(--x)",
            "font-family: '//track.example'",
            "color: red } body { color: blue",
            "color: (x)",
        ] {
            assert!(!is_harmless(bad), "{bad}");
        }
    }
    #[test]
    fn what_is_harmless_of_a_style_stays() {
        for (style, expected) in [
            ("COLOR: Red; position: fixed; top:0", Some("color:Red")),
            ("color:red;background:url(x;y);width:1px", Some("color:red;width:1px")),
            ("font-family: 'a;b'; color: red", Some("color:red")),
            ("font-family: \"Arial; color: blue", Some("color:blue")),
            ("width: calc(1px; color: blue", Some("color:blue")),
            ("color: red /* ; width: 1px */", None),
            ("margin: 0 auto; margin-top: -400px; color: red", Some("margin:0 auto;color:red")),
            ("MARGIN-left:calc(0px - 9em);text-indent:-9999px;letter-spacing:-1em;padding:1px", Some("padding:1px")),
            ("color", None),
            ("", None),
        ] {
            assert_eq!(harmless(style).as_deref(), expected, "{style}");
        }
    }
}
