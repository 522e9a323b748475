//! The index's language: how a word of one account is spelled in documents and queries.

use postrider_domain::ConnectorId;

/// Where a word stands in a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Any,
    Subject,
    From,
    /// To, Cc and Bcc.
    To,
}

impl Field {
    pub fn letter(self) -> u8 {
        match self {
            Self::Any => b'.',
            Self::Subject => b's',
            Self::From => b'f',
            Self::To => b't',
        }
    }
}

/// What all words of an account begin with: thirty random bits of its id. Should two accounts share them, rows are compared
/// by account in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix([u8; 6]);

impl Prefix {
    pub fn of(account: ConnectorId) -> Self {
        const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let bits = account.0.as_u128();
        Self(std::array::from_fn(|n| {
            let place = u32::try_from(n).unwrap_or(0) * 5;
            let five = usize::try_from((bits >> place) & 31).unwrap_or(0);
            LETTERS.get(five).copied().unwrap_or(b'0')
        }))
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A word as queries spell it. Words hold letters, digits and marks only: nothing needs an escape.
    pub fn spell(self, field: Field, word: &str) -> String {
        let mut spelled = String::with_capacity(word.len() + 9);
        spelled.push('\'');
        spelled.extend(self.0.iter().copied().map(char::from));
        spelled.push(char::from(field.letter()));
        spelled.push_str(word);
        spelled.push('\'');
        spelled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_spell_words_apart() {
        let [one, other] = [1_u128, 2].map(|n| Prefix::of(ConnectorId(uuid::Uuid::from_u128(n))));
        assert_eq!(one.spell(Field::Any, "café"), "'100000.café'");
        assert_eq!(other.spell(Field::Subject, "x"), "'200000sx'");
    }
}
