//! The bodies of clients' requests. They are read whole before a service is asked, so they are bounded in size, in time,
//! and in the sum of all that are in memory.

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Payload};
use postrider_web::body::{Body, BodyError, BodyRules, Room};

use super::shares::{Seat, Shares};
use crate::limits::Payer;

/// Longest body.
pub const LONGEST: usize = 1024 * 1024;
/// Most bytes of bodies in memory, of each kind of route.
const ROOM: usize = 64 * 1024 * 1024;
/// Most of them that one user or one address may hold: somebody who sends slowly on many connections must not keep
/// everybody else out.
const SHARE: usize = 8 * 1024 * 1024;

/// Reads bodies. Routes that strangers reach have rooms of their own: who proves nothing must not be able to fill the
/// room of those who did, and neither may keep Google's pushes out.
#[derive(Debug, Clone)]
pub struct Bodies {
    rules: BodyRules,
    callers: Room,
    strangers: Room,
    intake: Room,
    shares: Shares,
}

/// Who sends a body, which decides the room it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sender {
    Caller,
    Stranger,
    Intake,
}

/// A body that was read; it counts until it is dropped.
#[derive(Debug, Default)]
pub struct Held {
    pub bytes: Bytes,
    _body: Option<Body>,
    _seat: Option<Seat>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new(BodyRules::up_to(LONGEST), ROOM, SHARE)
    }
}

impl Bodies {
    /// With other bounds than the usual ones.
    pub fn new(rules: BodyRules, room: usize, share: usize) -> Self {
        let rooms = [room; 3].map(Room::of);
        let [callers, strangers, intake] = rooms;
        Self { rules, callers, strangers, intake, shares: Shares::new(share) }
    }

    /// The whole body of a request of `holder`. Senders of pushes have proved themselves and come from few addresses:
    /// they share a room only.
    ///
    /// # Errors
    /// Too large, too late, broken, or no room.
    pub async fn read(
        &self,
        request: &HttpRequest,
        payload: &mut Payload,
        sender: Sender,
        holder: Payer,
    ) -> Result<Held, BodyError> {
        self.rules.check_head(request.headers())?;
        let (room, shared) = match sender {
            Sender::Caller => (&self.callers, true),
            Sender::Stranger => (&self.strangers, true),
            Sender::Intake => (&self.intake, false),
        };
        let seat = shared.then(|| self.shares.seat(holder));
        let rooms: Vec<&Room> = std::iter::once(room).chain(seat.as_ref().map(Seat::room)).collect();
        let body = self.rules.read(payload, &rooms).await?;
        Ok(Held { bytes: body.bytes.clone(), _body: Some(body), _seat: seat })
    }
}
