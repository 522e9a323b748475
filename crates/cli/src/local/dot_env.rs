//! `.env`: the settings of a checkout, in the form that docker-compose reads too.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

/// The file's settings. A line is empty, a comment, or `NAME=value`; quotes around the value and `export` before the name
/// are left off, and so is a comment behind the value (` #`). Nothing is put in for `$`: docker-compose would, and who needs one there writes single quotes.
///
/// # Errors
/// A line is none of these. It is told by its number: the text may be a secret.
pub fn parse(text: &str) -> Result<BTreeMap<String, String>> {
    let mut settings = BTreeMap::new();
    // What some editors write before the first character.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let entry = line.strip_prefix("export ").unwrap_or(line).split_once('=');
        match entry.map(|(name, value)| (name.trim(), value)) {
            Some((name, value)) if is_name(name) => {
                settings.insert(name.to_owned(), value_of(value).to_owned());
            }
            _ => bail!("line {number} is not NAME=value"),
        }
    }
    Ok(settings)
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What stands behind the `=`, without quotes and comment.
fn value_of(text: &str) -> &str {
    let quoted = |quote| {
        let (inside, rest) = text.trim().strip_prefix(quote)?.split_once(quote)?;
        (rest.trim().is_empty() || rest.trim_start().starts_with('#')).then_some(inside)
    };
    let bare = || {
        let begins = |at: &usize| text.get(..*at).is_some_and(|before| before.ends_with([' ', '\t']));
        let comment = text.match_indices('#').map(|(at, _)| at).find(begins);
        comment.and_then(|at| text.get(..at)).unwrap_or(text).trim()
    };
    quoted('"').or_else(|| quoted('\'')).unwrap_or_else(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_read_as_compose_reads_them() {
        let text = "# a comment\n\nGOOGLE_CLIENT_ID=a.b\nexport LOG_LEVEL = \"info\"\nJWT_SECRET='a=$b#c'\nSMTP_URL=\n";
        let read = parse(text).unwrap();
        let value = |name: &str| read.get(name).map(String::as_str);
        assert_eq!(value("GOOGLE_CLIENT_ID"), Some("a.b"));
        assert_eq!(value("LOG_LEVEL"), Some("info"));
        assert_eq!(value("JWT_SECRET"), Some("a=$b#c"));
        assert_eq!(value("SMTP_URL"), Some(""));
    }

    #[test]
    fn comments_behind_a_value_and_odd_line_ends_are_no_part_of_it() {
        let text = "\u{feff}A=x # mine\r\nB=\"y # z\" # a word\r\nC=a#b\nD='it' \nE= # nothing\nF=two words\t # x\nG=\"odd\"x\n";
        let read = parse(text).unwrap();
        let all: Vec<_> = read.values().map(String::as_str).collect();
        assert_eq!(all, ["x", "y # z", "a#b", "it", "", "two words", "\"odd\"x"]);
    }

    #[test]
    fn a_line_that_is_no_setting_is_told_without_its_text() {
        let error = parse("A=1\nhunter2\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_example_is_a_usable_file_that_sets_nothing() {
        assert!(parse(include_str!("../../../../.env.example")).unwrap().is_empty());
    }
}
