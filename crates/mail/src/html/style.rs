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

/// Whether a style holds only plain values: no functions but those of colours, no escapes, nothing that could name a place.
pub(super) fn is_harmless(style: &str) -> bool {
    let style = style.to_ascii_lowercase();
    let plain = style.chars().all(|c| !matches!(c, '\\' | '@' | '{' | '}' | '<') && !c.is_control());
    plain
        && !style.contains("//")
        && functions(&style).all(|name| matches!(name, "rgb" | "rgba" | "hsl" | "hsla" | "calc"))
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
}
