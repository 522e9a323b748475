//! The bodies of clients' requests. They are read whole before a service is asked, so they are bounded in size, in time,
//! and in the sum of all that are in memory.

use actix_web::HttpRequest;
use actix_web::web::Payload;
use postrider_web::body::{Body, BodyError, BodyRules, Room};

use crate::routes::Access;

/// Longest body.
pub const LONGEST: usize = 1024 * 1024;
/// Most bytes of bodies in memory, of each kind of route.
const ROOM: usize = 64 * 1024 * 1024;

/// Reads bodies. Routes that strangers reach have rooms of their own: who proves nothing must not be able to fill the
/// room of those who did, and neither may keep Google's pushes out.
#[derive(Debug, Clone)]
pub struct Bodies {
    rules: BodyRules,
    callers: Room,
    strangers: Room,
    intake: Room,
}

impl Default for Bodies {
    fn default() -> Self {
        Self::new(BodyRules::up_to(LONGEST), ROOM)
    }
}

impl Bodies {
    /// With other bounds than the usual ones.
    pub fn new(rules: BodyRules, room: usize) -> Self {
        Self { rules, callers: Room::of(room), strangers: Room::of(room), intake: Room::of(room) }
    }

    /// The whole body of a request.
    ///
    /// # Errors
    /// Too large, too late, broken, or no room.
    pub async fn read(&self, request: &HttpRequest, payload: &mut Payload, access: Access) -> Result<Body, BodyError> {
        self.rules.check_head(request.headers())?;
        let room = match access {
            Access::Caller => &self.callers,
            Access::Open => &self.strangers,
            Access::Intake => &self.intake,
        };
        self.rules.read(payload, Some(room)).await
    }
}
