//! Text cut into words, each at its place. Scripts without spaces are cut into pairs of letters, so that a word within a
//! sentence is found: of 東京都, 東京 and 京都, and the last letter alone.

use unicode_normalization::char::is_combining_mark;

use super::fold::fold;

/// A word and where it stands: words that follow each other stand at numbers that do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    pub place: u32,
    /// Of a script that is cut into pairs.
    pub paired: bool,
}

/// Longest word, in characters: beyond it there are no words but encoded bytes.
const LONGEST: usize = 64;

/// The words of a text, folded.
pub fn words(text: &str) -> Words {
    Words { text: fold(text).chars().collect(), at: 0, place: 0, last: None }
}

/// Iterator over words.
pub struct Words {
    text: Vec<char>,
    at: usize,
    place: u32,
    /// In the middle of a run of letters that are paired: its last one stands there.
    last: Option<usize>,
}

impl Words {
    fn char(&self, at: usize) -> Option<char> {
        self.text.get(at).copied()
    }

    fn word(&mut self, text: String, paired: bool) -> Option<Word> {
        self.place = self.place.saturating_add(1);
        Some(Word { text, place: self.place, paired })
    }
}

impl Iterator for Words {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        while self.char(self.at).is_some_and(|c| !is_letter(c)) {
            self.at += 1;
        }
        let first = self.char(self.at)?;
        if is_paired(first) {
            let last = self.last.unwrap_or_else(|| {
                let end = (self.at..self.text.len()).find(|at| !self.char(*at).is_some_and(is_paired));
                end.unwrap_or(self.text.len()).saturating_sub(1)
            });
            let text = [Some(first), self.char(self.at + 1).filter(|_| self.at < last)].into_iter().flatten().collect();
            self.last = (self.at < last).then_some(last);
            self.at += 1;
            return self.word(text, true);
        }
        let end = (self.at..self.text.len()).find(|at| !self.char(*at).is_some_and(|c| is_letter(c) && !is_paired(c)));
        let end = end.unwrap_or(self.text.len());
        let text = self.text.get(self.at..end).unwrap_or_default().iter().take(LONGEST).collect();
        self.at = end;
        self.word(text, false)
    }
}

fn is_letter(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// Scripts written without spaces, or whose words carry their particles: Han, kana, Hangul, Thai, Lao, Khmer, Myanmar.
fn is_paired(c: char) -> bool {
    matches!(c,
        '\u{E00}'..='\u{EFF}' | '\u{1000}'..='\u{109F}' | '\u{1100}'..='\u{11FF}' | '\u{1780}'..='\u{17FF}'
        | '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{30FF}' | '\u{3105}'..='\u{312F}' | '\u{3131}'..='\u{318E}'
        | '\u{31F0}'..='\u{31FF}' | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}'
        | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{323AF}')
        && is_letter(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(text: &str) -> Vec<(String, u32)> {
        words(text).map(|word| (word.text, word.place)).collect()
    }

    fn texts(text: &str) -> Vec<String> {
        words(text).map(|word| word.text).collect()
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
            for (n, word) in (1..).zip(words(&text)) {
                prop_assert_eq!(word.place, n);
                prop_assert!(!word.text.is_empty() && word.text.chars().all(is_letter), "{:?}", word);
                prop_assert!(word.text.chars().count() <= LONGEST);
            }
        }
    }
}
