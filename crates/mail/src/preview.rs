//! The first words of a mail, where Gmail gives no snippet.

use postrider_domain::text::truncate;

/// Text looked at for a preview.
const LOOKED_AT: usize = 16 * 1024;

/// At most `max` bytes of what the sender wrote, on one line: quotes and the signature are left out, and so is what only
/// fills the preview of other readers.
pub fn preview(text: &str, max: usize) -> String {
    let mut preview = String::new();
    for line in truncate(text, LOOKED_AT).lines() {
        if line == "-- " {
            break;
        }
        if line.starts_with('>') {
            continue;
        }
        let shown = |c: &char| !matches!(c, '\u{AD}' | '\u{34F}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}');
        let line: String = line.chars().filter(shown).map(|c| if c.is_control() { ' ' } else { c }).collect();
        for word in line.split_whitespace() {
            if !preview.is_empty() {
                preview.push(' ');
            }
            preview.push_str(word);
        }
        if preview.len() > max {
            break;
        }
    }
    if preview.len() > max {
        // The last word whole, and a sign that there is more.
        let cut = truncate(&preview, max.saturating_sub('…'.len_utf8()));
        let cut = cut.rsplit_once(' ').map_or(cut, |(words, _)| words);
        preview = format!("{cut}…");
    }
    preview
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_words_that_were_written() {
        assert_eq!(preview("> old\n\nHello  Bob,\r\n\tsee you.\n-- \nAnn", 200), "Hello Bob, see you.");
        assert_eq!(preview("one two three four", 12), "one two…");
        assert_eq!(preview("Sale\u{200C}\u{A0}\u{200C} now", 100), "Sale now");
        assert_eq!(preview("> only quoted", 10), "");
    }
}
