//! What the commands say to a person: plain lines on standard output.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::Write as _;

/// Writes one line. A closed pipe (`postrider logs | head`) is no error.
pub fn say(line: impl Display) {
    let _closed_pipe = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line that marks a step of a longer command as done.
pub fn done(line: impl Display) {
    say(format_args!("  ✓ {line}"));
}

/// One line of text as a terminal may show it: characters that move its cursor, colour it or turn its direction are written
/// out. Strangers write subjects, addresses and the reasons servers give.
pub fn plain(text: &str) -> Cow<'_, str> {
    let odd = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(odd) {
        return Cow::Borrowed(text);
    }
    text.chars().map(|c| if odd(c) { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// The same of several lines.
pub fn plain_lines(text: &str) -> String {
    text.lines().map(plain).collect::<Vec<_>>().join("\n")
}

/// Asks for a yes; false for anything else.
///
/// # Errors
/// Standard input gives no answer.
pub fn agreed(question: impl Display) -> std::io::Result<bool> {
    let mut out = std::io::stdout().lock();
    let _closed_pipe = write!(out, "{question} [y/N] ").and_then(|()| out.flush());
    drop(out);
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Rows under their heads, each column as wide as its widest text.
pub fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let heads = heads.iter().map(|head| head.to_uppercase()).collect();
    let rows = rows.into_iter().map(|row| row.iter().map(|cell| plain(cell).into_owned()).collect());
    let lines: Vec<Vec<String>> = std::iter::once(heads).chain(rows).collect();
    let width = |column: usize| lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max();
    let shown = lines.iter().map(|line| {
        let cells = line.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column).unwrap_or(0)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    shown.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_below_their_heads() {
        let rows = [vec!["a@b.c".to_owned(), "x".to_owned()], vec!["ü@b".to_owned(), "longer".to_owned()]];
        assert_eq!(table(&["address", "s"], rows), "ADDRESS  S\na@b.c    x\nü@b      longer");
    }

    #[test]
    fn what_strangers_wrote_moves_no_cursor() {
        let shown = table(&["reason"], [vec!["a\u{1b}[2Jb\r\nc\u{202e}d".to_owned()]]);
        assert_eq!(shown, "REASON\na\\u{1b}[2Jb\\r\\nc\\u{202e}d");
        assert_eq!(plain("Grüße, 日本"), "Grüße, 日本");
        assert_eq!(plain_lines("a\nb\u{7}"), "a\nb\\u{7}");
    }
}
