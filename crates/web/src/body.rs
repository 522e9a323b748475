//! Reading a request's body: bounded in size, in time and, where a service asks for it, in the sum of all that are in
//! memory at once.

use std::sync::Arc;
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::codes;
use crate::problem::Problem;

/// Longest a body may take to arrive: a mebibyte takes this long over a line of 300 kbit/s.
pub const DEADLINE: Duration = Duration::from_secs(30);
/// When there may be room again.
const RETRY: Duration = Duration::from_secs(1);

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive in time")]
    Late,
    /// The connection broke, or what came is no HTTP body.
    #[error("the body did not arrive")]
    Broken,
    #[error("too many bodies are arriving at once")]
    Crowded,
}

impl From<BodyError> for Problem {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge(most) => {
                let detail = format!("The body is larger than {most} bytes.");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, codes::PAYLOAD_TOO_LARGE, detail)
            }
            BodyError::Late => {
                Self::new(StatusCode::REQUEST_TIMEOUT, codes::REQUEST_TIMEOUT, "The body did not arrive in time.")
            }
            BodyError::Broken => Self::bad_request(codes::BAD_REQUEST, "The body did not arrive."),
            BodyError::Crowded => {
                Self::unavailable(codes::UNAVAILABLE, RETRY, "Too many requests are arriving at the moment.")
            }
        }
    }
}

/// What one body may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyRules {
    /// Most bytes.
    pub longest: usize,
    pub deadline: Duration,
}

impl BodyRules {
    /// At most so many bytes, within [`DEADLINE`].
    pub const fn up_to(longest: usize) -> Self {
        Self { longest, deadline: DEADLINE }
    }

    /// Refuses a body that is said to be too large before a byte of it is read.
    ///
    /// # Errors
    /// `Content-Length` is above the limit.
    pub fn check_head(&self, headers: &HeaderMap) -> Result<(), BodyError> {
        let said = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        let fits = said.is_none_or(|said| usize::try_from(said).is_ok_and(|said| said <= self.longest));
        if fits { Ok(()) } else { Err(BodyError::TooLarge(self.longest)) }
    }

    /// Reads the whole body, as long as there is room in each of `rooms` for what comes.
    ///
    /// # Errors
    /// See [`BodyError`].
    pub async fn read(
        &self,
        payload: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
        rooms: &[&Room],
    ) -> Result<Body, BodyError> {
        tokio::time::timeout(self.deadline, self.collect(payload, rooms)).await.map_err(|_elapsed| BodyError::Late)?
    }

    async fn collect(
        &self,
        payload: &mut (impl Stream<Item = Result<Bytes, PayloadError>> + Unpin),
        rooms: &[&Room],
    ) -> Result<Body, BodyError> {
        let mut bytes = BytesMut::new();
        let mut taken: Vec<_> = rooms.iter().map(|room| room.take(0)).collect::<Result<_, _>>()?;
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|_broken| BodyError::Broken)?;
            if bytes.len().saturating_add(chunk.len()) > self.longest {
                return Err(BodyError::TooLarge(self.longest));
            }
            // By what came, not by what was announced: announcing costs a client nothing.
            for (room, taken) in rooms.iter().zip(&mut taken) {
                taken.merge(room.take(chunk.len())?);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Body { bytes: bytes.freeze(), _taken: taken })
    }
}

/// A body, and its place in the rooms until it is dropped.
#[derive(Debug)]
pub struct Body {
    pub bytes: Bytes,
    _taken: Vec<OwnedSemaphorePermit>,
}

/// How many bytes of bodies may be in memory at once. Clones share it.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

impl Room {
    pub fn of(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes)))
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, BodyError> {
        let bytes = u32::try_from(bytes).map_err(|_huge| BodyError::Crowded)?;
        self.0.clone().try_acquire_many_owned(bytes).map_err(|_full| BodyError::Crowded)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;
    use futures_util::stream::{iter, once, pending};

    use super::*;

    type Chunk = Result<Bytes, PayloadError>;

    fn chunk(size: usize) -> Chunk {
        Ok(Bytes::from(vec![b'x'; size]))
    }

    #[tokio::test]
    async fn a_body_ends_at_its_size_and_at_its_time() {
        let rules = BodyRules { longest: 10, deadline: Duration::from_millis(20) };
        assert_eq!(rules.read(&mut iter([chunk(4), chunk(6)]), &[]).await.unwrap().bytes.len(), 10);
        assert_eq!(rules.read(&mut iter([chunk(4), chunk(7)]), &[]).await.unwrap_err(), BodyError::TooLarge(10));
        let broken: Chunk = Err(PayloadError::Incomplete(None));
        assert_eq!(rules.read(&mut iter([chunk(4), broken]), &[]).await.unwrap_err(), BodyError::Broken);
        let mut stalled = Box::pin(once(async { chunk(4) }).chain(pending()));
        assert_eq!(rules.read(&mut stalled, &[]).await.unwrap_err(), BodyError::Late);
    }

    #[tokio::test]
    async fn bodies_share_the_room_until_they_are_dropped() {
        let (rules, room) = (BodyRules::up_to(100), Room::of(10));
        let first = rules.read(&mut iter([chunk(4), chunk(4)]), &[&room]).await.unwrap();
        assert_eq!(rules.read(&mut iter([chunk(2), chunk(1)]), &[&room]).await.unwrap_err(), BodyError::Crowded);
        assert!(rules.read(&mut iter([chunk(2)]), &[&room]).await.is_ok());
        assert!(rules.read(&mut iter([chunk(0)]), &[&room]).await.is_ok());
        drop(first);
        assert!(rules.read(&mut iter([chunk(10)]), &[&room]).await.is_ok());
    }

    #[tokio::test]
    async fn the_fuller_of_two_rooms_decides_and_neither_keeps_what_was_refused() {
        let (rules, all, own) = (BodyRules::up_to(100), Room::of(10), Room::of(4));
        let both = [&all, &own];
        let held = rules.read(&mut iter([chunk(3)]), &both).await.unwrap();
        assert_eq!(rules.read(&mut iter([chunk(1), chunk(1)]), &both).await.unwrap_err(), BodyError::Crowded);
        assert!(rules.read(&mut iter([chunk(7)]), &[&all]).await.is_ok());
        drop(held);
        assert!(rules.read(&mut iter([chunk(4)]), &both).await.is_ok());
    }

    #[test]
    fn what_is_said_to_be_too_large_is_not_read() {
        let said = |length: &'static str| {
            let headers = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from_static(length))]);
            BodyRules::up_to(10).check_head(&headers)
        };
        assert_eq!((said("10"), said("11")), (Ok(()), Err(BodyError::TooLarge(10))));
        assert_eq!(said("18446744073709551615"), Err(BodyError::TooLarge(10)));
        assert_eq!(BodyRules::up_to(10).check_head(&HeaderMap::new()), Ok(()));
        assert_eq!(Problem::from(BodyError::Late).status.as_u16(), 408);
        assert!(Problem::from(BodyError::Crowded).retry_after.is_some());
    }
}
