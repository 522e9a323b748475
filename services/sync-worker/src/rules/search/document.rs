//! What the index keeps of a mail: the words of its subject, its people, its text and the names of its files.

use std::borrow::Cow;

use postrider_domain::ConnectorId;

use super::fold::fold;
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
const LAST_PLACE: u16 = 16_383;
/// Places of one word that a document knows.
const MOST_PLACES: usize = 256;
/// No phrase reaches from one field into the next.
const GAP: u16 = 8;
/// Bytes that a word takes beside its letters, of [`MOST_BYTES`].
const AROUND: usize = 13;

/// The words of one mail with their places, in the form that Postgres takes a `tsvector` in: sorted, each once. Of what is in
/// order nothing has to be parsed there, or sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Document {
    count: u32,
    bytes: Vec<u8>,
}

impl Document {
    /// How many words there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Each as its letters, a zero, the number of its places and the places, numbers of two bytes, the high one first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn push(&mut self, prefix: Prefix, same: &[Entry<'_>]) {
        let Some(first) = same.first() else { return };
        self.count += 1;
        self.bytes.extend(prefix.as_bytes());
        self.bytes.push(first.letter());
        self.bytes.extend(first.word.as_bytes());
        self.bytes.push(0);
        let places = same.get(..MOST_PLACES).unwrap_or(same);
        let mut number = |number: usize| self.bytes.extend(u16::try_from(number).unwrap_or(u16::MAX).to_be_bytes());
        number(places.len());
        places.iter().for_each(|entry| number(usize::from(entry.place)));
    }
}

/// A word at one of its places. In the order of the document, which is that of bytes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry<'a> {
    /// The field's letter and the first bytes of the word: mostly this says which comes first.
    head: u64,
    word: Cow<'a, str>,
    place: u16,
}

impl<'a> Entry<'a> {
    fn new(field: Field, word: Cow<'a, str>, place: u16) -> Self {
        let mut head = [0; 8];
        let bytes = std::iter::once(field.letter()).chain(word.bytes());
        head.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        Self { head: u64::from_be_bytes(head), word, place }
    }

    fn letter(&self) -> u8 {
        let [letter, ..] = self.head.to_be_bytes();
        letter
    }

    fn is_word_of(&self, other: &Self) -> bool {
        self.head == other.head && self.word == other.word
    }
}

/// The document of a mail.
pub fn document(account: ConnectorId, mail: &Found<'_>) -> Document {
    let people = mail.to.iter().flat_map(|(name, address)| [(Some(Field::To), *name), (Some(Field::To), *address)]);
    let head =
        [(Some(Field::Subject), mail.subject), (Some(Field::From), mail.from.0), (Some(Field::From), mail.from.1)];
    let files = mail.files.iter().map(|file| (None, *file));
    let parts = head.into_iter().chain(people).chain(files).chain([(None, mail.text)]);
    let parts: Vec<(Option<Field>, String)> = parts.map(|(field, text)| (field, fold(text))).collect();
    let entries = entries(&parts);
    let mut same: Vec<&[Entry<'_>]> = entries.chunk_by(Entry::is_word_of).collect();
    keep_the_first(&mut same);
    let (prefix, mut document) = (Prefix::of(account), Document::default());
    same.into_iter().for_each(|same| document.push(prefix, same));
    document
}

/// All words at all places, in order.
fn entries(parts: &[(Option<Field>, String)]) -> Vec<Entry<'_>> {
    let (mut entries, mut start, mut left) = (Vec::new(), 0, MOST_WORDS);
    for (field, text) in parts {
        let mut end = start;
        for word in words(text).take(left) {
            left -= 1;
            end = u16::try_from(word.place).map_or(LAST_PLACE, |place| start.saturating_add(place).min(LAST_PLACE));
            entries.extend(field.map(|field| Entry::new(field, word.text.clone(), end)));
            entries.push(Entry::new(Field::Any, word.text, end));
        }
        start = end.saturating_add(GAP).min(LAST_PLACE);
    }
    entries.sort_unstable();
    entries.dedup();
    entries
}

/// Leaves out what is too much: the words that come last.
fn keep_the_first(same: &mut Vec<&[Entry<'_>]>) {
    let size = |same: &[Entry<'_>]| same.first().map_or(0, |entry| entry.word.len() + AROUND);
    if same.iter().map(|same| size(same)).sum::<usize>() <= MOST_BYTES {
        return;
    }
    same.sort_by_key(|same| same.first().map(|entry| entry.place));
    let mut bytes = 0;
    same.retain(|same| {
        bytes += size(same);
        bytes <= MOST_BYTES
    });
    same.sort_unstable();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words as a query spells them, each with its places.
    fn spelled(document: &Document) -> Vec<(String, Vec<u16>)> {
        let (mut rest, mut words) = (document.as_bytes(), Vec::new());
        let number = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| *byte == 0).unwrap();
            let (word, behind) = rest.split_at(end);
            let (places, after) = behind[3..].split_at(2 * usize::from(number(&behind[1..])));
            words.push((String::from_utf8(word.to_vec()).unwrap(), places.chunks(2).map(number).collect::<Vec<_>>()));
            rest = after;
        }
        assert_eq!(words.len(), document.count() as usize);
        assert!(words.is_sorted_by(|one, other| one.0.as_bytes() < other.0.as_bytes()));
        assert!(words.iter().all(|(_, places)| places.is_sorted_by(|one, other| one < other)));
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
        let document = document(account, &mail);
        let said: Vec<String> = spelled(&document).iter().map(|(word, places)| format!("{word} {places:?}")).collect();
        assert_eq!(
            said,
            [
                "100000.ann [39]",
                "100000.gate [2, 61]",
                "100000.new [1]",
                "100000.org [22, 41]",
                "100000.pdf [51]",
                "100000.plan [50]",
                "100000.the [60]",
                "100000.x [21]",
                "100000.y [40]",
                "100000.z [20]",
                "100000.zoe [11]",
                "100000forg [22]",
                "100000fx [21]",
                "100000fz [20]",
                "100000fzoe [11]",
                "100000sgate [2]",
                "100000snew [1]",
                "100000tann [39]",
                "100000torg [41]",
                "100000ty [40]",
            ]
        );
    }

    #[test]
    fn a_book_is_kept_within_bounds() {
        let text: String = (0..300_000).map(|n| format!("w{n} ")).collect();
        let mail = Found { text: &text, ..Found::default() };
        let account = ConnectorId(uuid::Uuid::from_u128(1));
        let words = spelled(&document(account, &mail));
        assert!(words.iter().map(|(word, _)| word.len() + AROUND).sum::<usize>() <= MOST_BYTES + 7 * words.len());
        // Those of the beginning.
        assert!(
            words.iter().any(|(word, _)| word == "100000.w9") && !words.iter().any(|(word, _)| word == "100000.w99999")
        );
        let same = Found { text: &"same ".repeat(50_000), ..Found::default() };
        assert_eq!(spelled(&document(account, &same))[0].1.len(), MOST_PLACES);
        assert_eq!(document(account, &Found::default()), Document::default());
    }
}
