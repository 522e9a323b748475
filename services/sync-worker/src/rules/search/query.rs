//! What a person typed, with Gmail's words: `from:` `to:` `subject:` `label:` `has:attachment` `is:unread` `is:read` `before:`
//! `after:`, `"a phrase"`, `-word`. A word finds those that begin with it, which does for all languages what a stemmer does
//! for one; in quotes it finds itself. What only looks like an operator is looked for as text.

use chrono::{DateTime, NaiveDate, NaiveTime};
use postrider_domain::Timestamp;

use super::fold::fold;
use super::terms::{Field, Prefix};
use super::words::{Word, words};

/// Longest query, in bytes, and most terms in it.
const MOST_BYTES: usize = 1_000;
const MOST_TERMS: usize = 32;

/// A search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    pub terms: Vec<Term>,
    /// Labels by name or id, and whether mails must not have them.
    pub labels: Vec<(String, bool)>,
    pub attachment: Option<bool>,
    pub unread: Option<bool>,
    /// Received then or later.
    pub after: Option<Timestamp>,
    /// Received earlier.
    pub before: Option<Timestamp>,
    /// It asks for what no mail can have.
    pub nothing: bool,
}

/// Words that must follow each other, or must not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Term {
    pub field: Field,
    pub words: Vec<Word<'static>>,
    /// The last word may go on.
    pub open: bool,
    pub negated: bool,
}

/// Why a text is no search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoQuery {
    #[error("must be at most 1,000 bytes without NUL")]
    Length,
    #[error("must hold at most 32 terms")]
    Terms,
    #[error("before: and after: take a day such as 2026/11/29, or seconds since 1970")]
    Day,
}

impl Query {
    /// Reads what was typed.
    pub fn parse(text: &str) -> Result<Self, NoQuery> {
        if text.len() > MOST_BYTES || text.contains('\0') {
            return Err(NoQuery::Length);
        }
        let mut query = Self::default();
        let mut rest = text.trim_start();
        let mut count = 0;
        while !rest.is_empty() {
            count += 1;
            if count > MOST_TERMS {
                return Err(NoQuery::Terms);
            }
            let (negated, term) = match rest.strip_prefix('-') {
                Some(term) if term.starts_with(|c: char| !c.is_whitespace()) => (true, term),
                _ => (false, rest),
            };
            rest = query.take(term, negated)?.trim_start();
        }
        Ok(query)
    }

    /// Mails whose subject has all these words.
    pub fn of_subject(text: &str) -> Self {
        let mut query = Self::default();
        let mut any = false;
        for word in text.split_whitespace() {
            any |= query.add(Field::Subject, word, true, false);
        }
        query.nothing = !any;
        query
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        self.labels.extend(other.labels);
        self.attachment = self.attachment.or(other.attachment);
        self.unread = self.unread.or(other.unread);
        self.after = self.after.max(other.after);
        self.before = self.before.into_iter().chain(other.before).min();
        self.nothing |= other.nothing;
        self
    }

    /// Takes one term. Returns what follows it.
    fn take<'t>(&mut self, text: &'t str, negated: bool) -> Result<&'t str, NoQuery> {
        let name = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        let after = text.get(name.len()..).unwrap_or_default();
        let operand = after.strip_prefix(':').filter(|value| value.starts_with(|c: char| !c.is_whitespace()));
        if let Some(operand) = operand {
            let (value, quoted, rest) = value(operand);
            if self.operator(&name.to_ascii_lowercase(), value, quoted, negated)? {
                return Ok(rest);
            }
        }
        let (value, quoted, rest) = value(text);
        if quoted || value != "-" {
            self.must(Field::Any, value, quoted, negated);
        }
        Ok(rest)
    }

    /// Whether it is an operator; its meaning is added then.
    fn operator(&mut self, name: &str, value: &str, quoted: bool, negated: bool) -> Result<bool, NoQuery> {
        match (name, value.to_lowercase().as_str()) {
            ("from", _) => self.must(Field::From, value, quoted, negated),
            ("to", _) => self.must(Field::To, value, quoted, negated),
            ("subject", _) => self.must(Field::Subject, value, quoted, negated),
            ("label", _) => self.labels.push((value.to_owned(), negated)),
            ("has", "attachment") => self.nothing |= conflicts(&mut self.attachment, !negated),
            ("is", "unread") => self.nothing |= conflicts(&mut self.unread, !negated),
            ("is", "read") => self.nothing |= conflicts(&mut self.unread, negated),
            ("is", "starred" | "important") => self.labels.push((value.to_uppercase(), negated)),
            ("after", _) if !negated => self.after = self.after.max(Some(day(value)?)),
            ("before", _) if !negated => {
                self.before = self.before.into_iter().chain([day(value)?]).min();
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn must(&mut self, field: Field, value: &str, quoted: bool, negated: bool) {
        // What has no word in it is nowhere; not to be nowhere is no condition.
        self.nothing |= !self.add(field, value, !quoted && !negated, negated) && !negated;
    }

    /// Returns whether there was a word.
    fn add(&mut self, field: Field, value: &str, open: bool, negated: bool) -> bool {
        let words: Vec<_> = words(&fold(value)).map(Word::into_owned).collect();
        let any = !words.is_empty();
        if any {
            self.terms.push(Term { field, words, open, negated });
        }
        any
    }

    /// What the index is asked, for one account; none where nothing is to be there.
    pub fn positive(&self, prefix: Prefix) -> Option<String> {
        self.terms.iter().any(|term| !term.negated).then(|| {
            let terms = self.terms.iter().map(|term| term.write(prefix));
            terms.collect::<Vec<_>>().join(" & ")
        })
    }

    /// What none may hold, where the index is asked for nothing.
    pub fn negative(&self, prefix: Prefix) -> Option<String> {
        let only = !self.terms.is_empty() && self.terms.iter().all(|term| term.negated);
        only.then(|| {
            let terms = self.terms.iter().map(|term| Term { negated: false, ..term.clone() }.write(prefix));
            terms.collect::<Vec<_>>().join(" | ")
        })
    }
}

impl Term {
    /// In the index's language.
    fn write(&self, prefix: Prefix) -> String {
        let mut out = String::new();
        let mut before: Option<&Word<'_>> = None;
        let mut written: Option<u32> = None;
        for (n, word) in self.words.iter().enumerate() {
            // The last letter of a run of pairs is part of its last pair.
            let single = word.paired && word.text.chars().count() == 1;
            let of_pair = before.is_some_and(|pair| {
                pair.paired && pair.text.chars().count() == 2 && pair.text.chars().last() == word.text.chars().last()
            });
            before = Some(word);
            if single && of_pair {
                continue;
            }
            if let Some(place) = written {
                out.push_str(&format!(" <{}> ", word.place.saturating_sub(place)));
            }
            written = Some(word.place);
            out.push_str(&prefix.spell(self.field, &word.text));
            let last = n + 1 == self.words.len();
            // A single letter begins too many words, except where it is a word and begins pairs.
            if single || last && self.open && !word.paired && word.text.chars().count() > 1 {
                out.push_str(":*");
            }
        }
        match (self.negated, out.contains('<')) {
            (true, _) => format!("!({out})"),
            (false, true) => format!("({out})"),
            (false, false) => out,
        }
    }
}

/// Sets what must hold; true where the opposite was asked for before.
fn conflicts(known: &mut Option<bool>, wanted: bool) -> bool {
    known.replace(wanted).is_some_and(|before| before != wanted)
}

/// A value in quotes or up to the next space, whether it was quoted, and what follows it.
fn value(text: &str) -> (&str, bool, &str) {
    if let Some(quoted) = text.strip_prefix('"') {
        // A quote that never ends goes to the end.
        let (value, rest) = quoted.split_once('"').unwrap_or((quoted, ""));
        return (value, true, rest);
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), false, text.get(end..).unwrap_or_default())
}

/// The beginning of a day in UTC, or seconds since 1970.
fn day(value: &str) -> Result<Timestamp, NoQuery> {
    let dashed = value.replace('/', "-");
    if let Ok(day) = NaiveDate::parse_from_str(&dashed, "%Y-%m-%d") {
        let day = Some(day).filter(|_| dashed.len() <= 10);
        return day.map(|day| day.and_time(NaiveTime::MIN).and_utc()).ok_or(NoQuery::Day);
    }
    let digits = value.len() <= 11 && value.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = value.parse().ok().filter(|_| digits);
    seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0)).ok_or(NoQuery::Day)
}

#[cfg(test)]
mod tests;
