//! The id of a write that its client may repeat.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev};
use uuid::Uuid;

use super::caller::ServiceCaller;
use crate::problem::Problem;

/// Bears the id towards the services. The gateway alone may set it.
pub const WRITE_ID_HEADER: &str = "x-postrider-write-id";

/// The id that what a write creates must have, if its client sent an `Idempotency-Key`: the same for each repeat, so that
/// a row inserted once is inserted once for good, also when the gateway died between effect and answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteId(pub Option<Uuid>);

impl WriteId {
    /// The write's id, or else a new one.
    pub fn or(self, new: impl FnOnce() -> Uuid) -> Uuid {
        self.0.unwrap_or_else(new)
    }
}

impl FromRequest for WriteId {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let id = request.headers().get(WRITE_ID_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
        let caller = id.is_some().then(|| ServiceCaller::from_request(request, payload).into_inner());
        ready(match caller {
            Some(Ok(caller)) if caller.name == "gateway" => Ok(Self(id)),
            Some(Err(refused)) => Err(refused),
            Some(Ok(_)) | None => Ok(Self(None)),
        })
    }
}
