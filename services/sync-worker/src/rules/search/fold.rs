//! Letters as they are compared: lower case, one form of each, without the accents that people leave out when they type.
//! Only marks that other people's keyboards lack are dropped: a vowel sign of Devanagari or a dakuten makes another word.

use unicode_normalization::UnicodeNormalization;

/// Folds a text. Folding it again changes nothing.
///
/// Most text is ASCII, and of that only the letter before other text can take part in a composition (`e` and U+0301): nothing
/// composes with an ASCII letter behind it. So the rest is folded by itself, piece by piece.
pub fn fold(text: &str) -> String {
    let (mut folded, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(other) = rest.bytes().position(|byte| !byte.is_ascii()) {
        let (ascii, behind) = rest.split_at(other.saturating_sub(1));
        let end = behind.char_indices().skip(1).find(|(_, c)| c.is_ascii()).map_or(behind.len(), |(at, _)| at);
        let (piece, after) = behind.split_at(end);
        push_ascii(&mut folded, ascii);
        folded.extend(folded_chars(piece));
        rest = after;
    }
    push_ascii(&mut folded, rest);
    folded
}

fn push_ascii(folded: &mut String, text: &str) {
    let start = folded.len();
    folded.push_str(text);
    if let Some(pushed) = folded.get_mut(start..) {
        pushed.make_ascii_lowercase();
    }
}

fn folded_chars(text: &str) -> impl Iterator<Item = char> {
    let lower = text.nfkd().flat_map(char::to_lowercase).nfkd();
    lower.filter(|c| !is_accent(*c)).flat_map(Plain::of).nfc()
}

/// Accents of Latin, Greek and Cyrillic, points of Hebrew, vowel marks of Arabic, and what shows nothing at all.
fn is_accent(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36F}' | '\u{591}'..='\u{5BD}' | '\u{5BF}' | '\u{5C1}'..='\u{5C2}' | '\u{5C4}'..='\u{5C5}' | '\u{5C7}'
        | '\u{610}'..='\u{61A}' | '\u{640}' | '\u{64B}'..='\u{65F}' | '\u{670}'
        | '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Letters that have no accent to drop and yet a plain form.
enum Plain {
    One(Option<char>),
    Two(std::str::Chars<'static>),
}

impl Plain {
    fn of(c: char) -> Self {
        let one = |c| Self::One(Some(c));
        let two = |text: &'static str| Self::Two(text.chars());
        match c {
            'ß' => two("ss"),
            'æ' => two("ae"),
            'œ' => two("oe"),
            'þ' => two("th"),
            'ø' => one('o'),
            'ł' => one('l'),
            'đ' | 'ð' => one('d'),
            'ħ' => one('h'),
            'ı' => one('i'),
            'ς' => one('σ'),
            c => one(c),
        }
    }
}

impl Iterator for Plain {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self {
            Self::One(c) => c.take(),
            Self::Two(chars) => chars.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_type_and_what_they_mean_fold_alike() {
        for (one, other) in [
            ("Café", "cafe"),
            ("CAFE\u{301}", "cafe"),
            ("Straße", "STRASSE"),
            ("Łódź", "lodz"),
            ("İstanbul", "istanbul"),
            ("ﬁle", "file"),
            ("Ａ１", "a1"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("ΆΛΦΑ", "αλφα"),
            ("ёлка", "елка"),
            ("ｶﾞ", "ガ"),
            ("שָׁלוֹם", "שלום"),
            ("مُحَمَّد", "محمد"),
            ("soft\u{AD}hyphen", "softhyphen"),
        ] {
            assert_eq!(fold(one), fold(other), "{one} {other}");
        }
        for (one, other) in [("が", "か"), ("कि", "क"), ("한글", "한"), ("o", "0")] {
            assert_ne!(fold(one), fold(other), "{one} {other}");
        }
        assert_eq!(fold("한글"), "한글");
    }

    proptest! {
        #[test]
        fn pieces_fold_as_the_whole_does(text in "[ -~\u{300}-\u{30F}éÉİß가각ก้が\u{3099}\u{200B}]{0,12}|\\PC{0,12}") {
            prop_assert_eq!(fold(&text), folded_chars(&text).collect::<String>());
        }

        #[test]
        fn folding_again_changes_nothing(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }
    }
}
