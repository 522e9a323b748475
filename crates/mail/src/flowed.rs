//! `format=flowed` (RFC 3676): lines that a mailer broke are put together again.

/// A paragraph that is open: how deep it is quoted, and its text.
type Open = Option<(usize, String)>;

/// Joins soft line breaks. `delsp`: the space before a break belongs to the break.
pub(crate) fn join(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut open: Open = None;
    for line in text.split('\n') {
        let line = line.strip_suffix('\r').unwrap_or(line);
        let content = line.trim_start_matches('>');
        let depth = line.len() - content.len();
        let content = content.strip_prefix(' ').unwrap_or(content);
        let signature = content == "-- ";
        let soft = content.ends_with(' ') && !signature;
        if signature || open.as_ref().is_some_and(|(quoted, _)| *quoted != depth) {
            end(&mut out, &mut open);
        }
        let content = if soft && delsp { content.strip_suffix(' ').unwrap_or(content) } else { content };
        open.get_or_insert((depth, String::new())).1.push_str(content);
        if !soft {
            end(&mut out, &mut open);
        }
    }
    end(&mut out, &mut open);
    // Every line got an end; the last had none.
    out.pop();
    out
}

fn end(out: &mut String, open: &mut Open) {
    if let Some((depth, text)) = open.take() {
        if depth > 0 {
            out.extend(std::iter::repeat_n('>', depth));
            out.push(' ');
        }
        out.push_str(&text);
        out.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn soft_breaks_are_joined_within_a_quote() {
        for (text, delsp, expected) in [
            ("One \r\ntwo.\r\nThree.\r\n", false, "One two.\nThree.\n"),
            ("こん \nにちは", true, "こんにちは"),
            ("> a \n> b\n>> c\nd", false, "> a b\n>> c\nd"),
            ("> a \nb", false, "> a \nb"),
            (" From here\n >not quoted", false, "From here\n>not quoted"),
            ("end \n-- \nAnn ", false, "end \n-- \nAnn "),
            ("", false, ""),
            ("a\n\nb", false, "a\n\nb"),
        ] {
            assert_eq!(join(text, delsp), expected, "{text:?}");
        }
    }
}
