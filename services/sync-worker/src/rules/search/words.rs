//! Text cut into words, each at its place. Scripts without spaces are cut into pairs of letters, so that a word within a
//! sentence is found: of 東京都, 東京 and 京都, and the last letter alone.

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;

/// A word and where it stands: words that follow each other stand at numbers that do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word<'a> {
    pub text: Cow<'a, str>,
    pub place: u32,
    /// Of a script that is cut into pairs.
    pub paired: bool,
}

impl Word<'_> {
    /// The same word, of no text any more.
    pub fn into_owned(self) -> Word<'static> {
        Word { text: Cow::Owned(self.text.into_owned()), place: self.place, paired: self.paired }
    }
}

/// Longest word, in characters: beyond it there are no words but encoded bytes.
const LONGEST: usize = 64;

/// The words of a folded text.
pub fn words(folded: &str) -> Words<'_> {
    Words { text: folded, at: 0, place: 0, last: None }
}

/// Iterator over words. Places in the text are counted in bytes.
pub struct Words<'a> {
    text: &'a str,
    at: usize,
    place: u32,
    /// In the middle of a run of letters that are paired: its last one stands there.
    last: Option<usize>,
}

impl<'a> Words<'a> {
    fn behind(&self, at: usize) -> &'a str {
        self.text.get(at..).unwrap_or_default()
    }

    /// Where the word that begins there ends, and where it is cut: it may be longer than [`LONGEST`].
    fn end(&self, start: usize) -> (usize, usize) {
        let rest = self.behind(start);
        let ascii = rest.bytes().take_while(u8::is_ascii_alphanumeric).count();
        if ascii <= LONGEST && rest.as_bytes().get(ascii).is_none_or(u8::is_ascii) {
            return (start + ascii, start + ascii);
        }
        let (mut end, mut cut) = (start, start);
        for (n, c) in rest.chars().take_while(|c| is_letter(*c) && !is_paired(*c)).enumerate() {
            end += c.len_utf8();
            if n < LONGEST {
                cut = end;
            }
        }
        (end, cut)
    }

    fn word(&mut self, start: usize, end: usize, paired: bool) -> Option<Word<'a>> {
        self.place = self.place.saturating_add(1);
        Some(Word { text: Cow::Borrowed(self.text.get(start..end)?), place: self.place, paired })
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let (skipped, first) = self.behind(self.at).char_indices().find(|(_, c)| is_letter(*c))?;
        let start = self.at + skipped;
        if !is_paired(first) {
            let (end, cut) = self.end(start);
            self.at = end;
            return self.word(start, cut, false);
        }
        self.at = start + first.len_utf8();
        let last = self.last.unwrap_or_else(|| {
            let run = self.behind(start).char_indices().take_while(|(_, c)| is_paired(*c));
            start + run.last().map_or(0, |(at, _)| at)
        });
        self.last = (start < last).then_some(last);
        let second = self.last.and_then(|_| self.behind(self.at).chars().next());
        self.word(start, self.at + second.map_or(0, char::len_utf8), true)
    }
}

fn is_letter(c: char) -> bool {
    if c.is_ascii() { c.is_ascii_alphanumeric() } else { c.is_alphanumeric() || is_combining_mark(c) }
}

/// Scripts written without spaces, or whose words carry their particles: Han, kana, Hangul, Thai, Lao, Khmer, Myanmar.
fn is_paired(c: char) -> bool {
    c >= '\u{E00}'
        && matches!(c,
        '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1100}'..='\u{11FF}' | '\u{1780}'..='\u{17FF}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30FF}' | '\u{3105}'..='\u{312F}' | '\u{3131}'..='\u{318E}'
        | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
        && is_letter(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fold::fold;
    use super::*;

    fn cut(text: &str) -> Vec<(String, u32)> {
        words(&fold(text)).map(|word| (word.text.into_owned(), word.place)).collect()
    }

    fn texts(text: &str) -> Vec<String> {
        cut(text).into_iter().map(|(word, _)| word).collect()
    }

    #[test]
    fn words_are_cut_where_people_see_them() {
        assert_eq!(texts("Hello, World! it's 1,000"), ["hello", "world", "it", "s", "1", "000"]);
        assert_eq!(texts("zoe.b@example.org"), ["zoe", "b", "example", "org"]);
        assert_eq!(texts("東京都"), ["東京", "京都", "都"]);
        assert_eq!(texts("猫"), ["猫"]);
        assert_eq!(texts("Rust入門 猫"), ["rust", "入門", "門", "猫"]);
        assert_eq!(texts("हिन्दी भाषा"), ["हिन्दी", "भाषा"]);
        assert_eq!(texts("한국어"), ["한국", "국어", "어"]);
        assert_eq!(texts("… - ''"), Vec::<String>::new());
        assert_eq!(texts(&"x".repeat(1_000)), ["x".repeat(LONGEST)]);
        assert_eq!(cut("a b 東京"), [("a", 1), ("b", 2), ("東京", 3), ("京", 4)].map(|(w, n)| (w.to_owned(), n)));
    }

    proptest! {
        #[test]
        fn places_are_dense_and_words_are_words(text in any::<String>()) {
            for (n, word) in (1..).zip(words(&fold(&text))) {
                prop_assert_eq!(word.place, n);
                prop_assert!(!word.text.is_empty() && word.text.chars().all(is_letter), "{:?}", word);
                prop_assert!(word.text.chars().count() <= LONGEST);
            }
        }
    }
}
