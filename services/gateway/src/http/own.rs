//! What the gateway answers callers itself: let in as for a service, and as strict about bodies.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use postrider_web::{Problem, RequestContext};

use super::admit;
use crate::error::Error;
use crate::limits::Payer;
use crate::proxy::{Held, Sender};
use crate::rules::identity::Identity;
use crate::state::State;

/// A request that was let in, with its body.
pub struct Asked {
    pub identity: Identity,
    pub held: Held,
}

/// Lets a caller in and reads its body.
///
/// # Errors
/// It may not pass.
pub async fn ask(
    request: &HttpRequest,
    context: &RequestContext,
    mut payload: Payload,
    pattern: &'static str,
    state: &State,
) -> Result<Asked, Error> {
    let identity = admit::known(request, pattern, context, state).await?;
    let held = state
        .bodies
        .read(request, &mut payload, Sender::Caller, Payer::user(&identity.tenant, &identity.actor))
        .await?;
    Ok(Asked { identity, held })
}

/// An answer that no cache keeps: it holds a secret, or what may change at once.
pub fn private(mut response: HttpResponse) -> HttpResponse {
    let value = actix_web::http::header::HeaderValue::from_static("no-store");
    response.headers_mut().insert(actix_web::http::header::CACHE_CONTROL, value);
    response
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(Box::new(problem))
    }
}
