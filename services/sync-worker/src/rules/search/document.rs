//! What the index keeps of a mail: the words of its subject, its people, its text and the names of its files.

use std::collections::HashMap;
use std::fmt::Write as _;

use postrider_domain::ConnectorId;

use super::terms::{Field, Prefix};
use super::words::words;

/// What of a mail is to be found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found<'a> {
    pub subject: &'a str,
    /// Name and address.
    pub from: (&'a str, &'a str),
    pub to: &'a [(&'a str, &'a str)],
    pub text: &'a str,
    pub files: &'a [&'a str],
}

/// Words of one mail that are kept, and the bytes that they take: Postgres keeps a mebibyte a document.
const MOST_WORDS: usize = 100_000;
const MOST_BYTES: usize = 600_000;
/// The last place a document knows.
const LAST_PLACE: u32 = 16_383;
/// Places of one word that a document knows.
const MOST_PLACES: usize = 256;
/// No phrase reaches from one field into the next.
const GAP: u32 = 8;

/// The document, in the form that Postgres reads.
pub fn document(account: ConnectorId, mail: &Found<'_>) -> String {
    let mut kept = Kept { prefix: Prefix::of(account), words: HashMap::new(), place: 0, left: MOST_WORDS, bytes: 0 };
    kept.add(Some(Field::Subject), mail.subject);
    kept.add(Some(Field::From), mail.from.0);
    kept.add(Some(Field::From), mail.from.1);
    for (name, address) in mail.to {
        kept.add(Some(Field::To), name);
        kept.add(Some(Field::To), address);
    }
    for file in mail.files {
        kept.add(None, file);
    }
    kept.add(None, mail.text);
    kept.write()
}

struct Kept {
    prefix: Prefix,
    words: HashMap<String, Vec<u32>>,
    place: u32,
    left: usize,
    bytes: usize,
}

impl Kept {
    fn add(&mut self, field: Option<Field>, text: &str) {
        let start = self.place;
        for word in words(text).take(self.left) {
            self.left = self.left.saturating_sub(1);
            self.place = start.saturating_add(word.place).min(LAST_PLACE);
            for field in [Some(Field::Any), field].into_iter().flatten() {
                self.put(self.prefix.spell(field, &word.text));
            }
        }
        self.place = self.place.saturating_add(GAP).min(LAST_PLACE);
    }

    fn put(&mut self, word: String) {
        if let Some(places) = self.words.get_mut(&word) {
            if places.len() < MOST_PLACES && places.last() != Some(&self.place) {
                places.push(self.place);
            }
        } else if self.bytes < MOST_BYTES {
            self.bytes += word.len() + 4;
            self.words.insert(word, vec![self.place]);
        }
    }

    fn write(self) -> String {
        let mut out = String::with_capacity(self.bytes * 2);
        for (word, places) in self.words {
            out.push_str(&word);
            for (n, place) in places.iter().enumerate() {
                // Writing to a text cannot fail.
                let _ = write!(out, "{}{place}", if n == 0 { ':' } else { ',' });
            }
            out.push(' ');
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(document: &str) -> Vec<&str> {
        let mut words: Vec<&str> = document.split_whitespace().collect();
        words.sort_unstable();
        words
    }

    #[test]
    fn fields_are_kept_apart_and_together() {
        let account = ConnectorId(uuid::Uuid::from_u128(1));
        let mail = Found {
            subject: "New gate",
            from: ("Zoe", "z@x.org"),
            to: &[("", "ann@y.org")],
            text: "the gate",
            files: &["plan.pdf"],
        };
        assert_eq!(
            sorted(&document(account, &mail)),
            [
                "'100000.ann':39",
                "'100000.gate':2,61",
                "'100000.new':1",
                "'100000.org':22,41",
                "'100000.pdf':51",
                "'100000.plan':50",
                "'100000.the':60",
                "'100000.x':21",
                "'100000.y':40",
                "'100000.z':20",
                "'100000.zoe':11",
                "'100000forg':22",
                "'100000fx':21",
                "'100000fz':20",
                "'100000fzoe':11",
                "'100000sgate':2",
                "'100000snew':1",
                "'100000tann':39",
                "'100000torg':41",
                "'100000ty':40",
            ]
        );
    }

    #[test]
    fn a_book_is_kept_within_bounds() {
        let text: String = (0..300_000).map(|n| format!("w{n} ")).collect();
        let mail = Found { text: &text, ..Found::default() };
        let document = document(ConnectorId(uuid::Uuid::from_u128(1)), &mail);
        assert!(document.len() < 900_000, "{}", document.len());
        let same = Found { text: &"same ".repeat(50_000), ..Found::default() };
        let document = super::document(ConnectorId(uuid::Uuid::from_u128(1)), &same);
        assert_eq!(document.matches(',').count(), MOST_PLACES - 1);
    }
}
