//! The place of a reader: how far it is in each account. Opaque to it, and as long as it has accounts.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use postrider_domain::ConnectorId;
use uuid::Uuid;

/// Version of the form.
const FORM: u8 = 1;
/// An account's id and its place.
const EACH: usize = 24;
/// Most accounts of one reader: what fits into a request line.
const MOST: usize = 1_000;

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a cursor of this list")]
pub struct NoCursor;

/// Up to where a reader has each account. An account it does not hold starts with the oldest that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedCursor(BTreeMap<Uuid, i64>);

impl FeedCursor {
    /// Reads one that was given out.
    ///
    /// # Errors
    /// It is none.
    pub fn decode(text: &str) -> Result<Self, NoCursor> {
        // Four characters for three bytes.
        if text.len() > (1 + EACH * MOST).div_ceil(3) * 4 {
            return Err(NoCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_odd| NoCursor)?;
        let Some((&FORM, places)) = bytes.split_first() else { return Err(NoCursor) };
        let chunks = places.chunks_exact(EACH);
        if !chunks.remainder().is_empty() {
            return Err(NoCursor);
        }
        chunks.map(place).collect::<Option<BTreeMap<_, _>>>().map(Self).ok_or(NoCursor)
    }

    /// The text for the reader.
    pub fn encode(&self) -> String {
        let mut bytes = vec![FORM];
        for (account, seq) in self.0.iter().take(MOST) {
            bytes.extend_from_slice(account.as_bytes());
            bytes.extend_from_slice(&seq.to_be_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads `account:n` with commas between: the places a list of mails was read at.
    ///
    /// # Errors
    /// It is something else.
    pub fn as_of(text: &str) -> Result<Self, NoCursor> {
        let one = |part: &str| {
            let (account, seq) = part.trim().split_once(':')?;
            let seq: i64 = seq.parse().ok()?;
            (seq >= 0).then_some((account.parse().ok()?, seq))
        };
        let places = text.split(',').map(one).collect::<Option<BTreeMap<_, _>>>();
        places.filter(|places| places.len() <= MOST).map(Self).ok_or(NoCursor)
    }

    /// Up to where the reader has an account; nothing where it has no place in it, which is not the place before the first.
    pub fn known(&self, account: ConnectorId) -> Option<i64> {
        self.0.get(&account.0).copied()
    }

    /// Up to where the reader has an account; 0 where it has nothing of it.
    pub fn of(&self, account: ConnectorId) -> i64 {
        self.known(account).unwrap_or(0)
    }

    /// Notes how far it is.
    pub fn put(&mut self, account: ConnectorId, seq: i64) {
        self.0.insert(account.0, seq);
    }
}

fn place(bytes: &[u8]) -> Option<(Uuid, i64)> {
    let (account, seq) = bytes.split_at_checked(16)?;
    let seq = i64::from_be_bytes(seq.try_into().ok()?);
    (seq >= 0).then_some((Uuid::from_slice(account).ok()?, seq))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_holds_as_many_accounts_as_a_user_has() {
        let mut cursor = FeedCursor::default();
        assert_eq!(FeedCursor::decode(&cursor.encode()), Ok(cursor.clone()));
        for n in 0..500_u32 {
            cursor.put(ConnectorId(Uuid::from_u128(n.into())), i64::from(n) * 1_000);
        }
        let text = cursor.encode();
        assert!(text.len() > 10_000);
        let again = FeedCursor::decode(&text).unwrap();
        assert_eq!((again.of(ConnectorId(Uuid::from_u128(7))), again == cursor), (7_000, true));
        assert_eq!(again.of(ConnectorId(Uuid::from_u128(999))), 0);
    }

    #[test]
    fn other_texts_are_none() {
        let good = FeedCursor(BTreeMap::from([(Uuid::nil(), 7)])).encode();
        let negative = FeedCursor(BTreeMap::from([(Uuid::nil(), -7)])).encode();
        for bad in ["", "!", "e30", "Ag", good.split_at(10).0, &negative, &"A".repeat(40_000)] {
            assert_eq!(FeedCursor::decode(bad), Err(NoCursor), "{}", bad.len());
        }
        let one = format!("{}:7", Uuid::nil());
        assert_eq!(FeedCursor::as_of(&format!("{one}, {}:0", Uuid::max())).unwrap().of(ConnectorId(Uuid::nil())), 7);
        for bad in ["", "x", "x:1", ":", &format!("{}:-1", Uuid::nil()), &format!("{one},")] {
            assert_eq!(FeedCursor::as_of(bad), Err(NoCursor), "{bad}");
        }
    }
}
