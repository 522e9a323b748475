//! Rows in a statement's text: `{new: id uuid, name text}` becomes `unnest($2::uuid[], $3::text[]) AS new (id, name)`.
//!
//! A last name with `#` is the place of the row (`WITH ORDINALITY`). The casts let Postgres prepare the text without
//! knowing our types, so that a check can prepare every statement there is.

use crate::error::Error;

/// The text as Postgres takes it, if it declares rows, and the declared columns in the order of their parameters. They
/// stand behind the highest `$n` of the text.
pub fn expand(text: &str) -> Result<(Option<String>, Vec<&str>), Error> {
    if !text.contains('{') {
        return Ok((None, Vec::new()));
    }
    let (mut rest, mut expanded, mut names) = (text, String::with_capacity(text.len() + 64), Vec::new());
    let mut next = highest_parameter(text) + 1;
    while let Some((before, behind)) = rest.split_once('{') {
        expanded.push_str(before);
        let Some((alias, columns, after)) = declared(behind)? else {
            // A brace of SQL's own: a JSON text, a pattern.
            expanded.push('{');
            rest = behind;
            continue;
        };
        let (mut arrays, mut aliases, mut ordinality) = (Vec::new(), Vec::new(), "");
        for column in columns.split(',').map(str::trim) {
            if let Some(place) = column.strip_prefix('#') {
                aliases.push(place);
                ordinality = " WITH ORDINALITY";
                continue;
            }
            let (name, sql_type) = column.split_once(' ').ok_or_else(|| wrong("a column without a type"))?;
            arrays.push(format!("${next}::{sql_type}[]"));
            aliases.push(name);
            names.push(name);
            next += 1;
        }
        let (arrays, aliases) = (arrays.join(", "), aliases.join(", "));
        expanded.push_str(&format!("unnest({arrays}){ordinality} AS {alias} ({aliases})"));
        rest = after;
    }
    expanded.push_str(rest);
    Ok((Some(expanded), names))
}

/// Alias, columns and what comes behind them, if a name and a colon follow the brace.
fn declared(behind: &str) -> Result<Option<(&str, &str, &str)>, Error> {
    let Some((alias, rest)) = behind.split_once(':') else { return Ok(None) };
    if alias.is_empty() || !alias.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_') {
        return Ok(None);
    }
    let (columns, after) = rest.split_once('}').ok_or_else(|| wrong("a { without a }"))?;
    Ok(Some((alias, columns, after)))
}

fn wrong(what: &str) -> Error {
    Error::Other(format!("a statement's text has {what}"))
}

fn highest_parameter(text: &str) -> usize {
    let numbers = text.split('$').skip(1).map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or(0)
    });
    numbers.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_behind_the_other_parameters() {
        let (text, names) = expand("SELECT a FROM {new: a uuid, b text, #place} WHERE c = $1 AND d = $2").unwrap();
        let wanted = "SELECT a FROM unnest($3::uuid[], $4::text[]) WITH ORDINALITY AS new (a, b, place) \
                      WHERE c = $1 AND d = $2";
        assert_eq!((text.as_deref(), names), (Some(wanted), vec!["a", "b"]));
    }

    #[test]
    fn a_text_without_rows_stays() {
        assert_eq!(expand("SELECT $1").unwrap(), (None, Vec::new()));
        assert!(expand("SELECT {a: b").is_err());
        for text in ["SELECT '{}'::jsonb", "SELECT a ~ '^[0-9]{8}$'", "SELECT '{\"a\": 1}'::jsonb"] {
            assert_eq!(expand(text).unwrap(), (Some(text.to_owned()), Vec::new()));
        }
    }
}
