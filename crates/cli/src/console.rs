//! What the commands say to a person: plain lines on standard output.

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

/// Rows under their heads, each column as wide as its widest text.
pub fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let heads = heads.iter().map(|head| head.to_uppercase()).collect();
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
}
