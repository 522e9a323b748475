//! Why a request is not carried to a service, as the answers clients get.

use std::time::Duration;

use postrider_web::Problem;
use postrider_web::body::BodyError;
use postrider_web::client_tokens::TokenRefused;
use postrider_web::codes;
use postrider_web::service_tokens::TokenError;

use crate::http::Refused;
use crate::limits::Exceeded;
use crate::rules::identity::Mismatch;
use crate::tunnel::Full;

/// When to come back to a service that is down.
const RETRY: Duration = Duration::from_secs(2);

/// A request that ends here.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such route")]
    NoRoute,
    #[error(transparent)]
    Token(#[from] TokenRefused),
    #[error(transparent)]
    Identity(#[from] Mismatch),
    #[error(transparent)]
    Rate(#[from] Exceeded),
    /// A push without the token or channel that would prove it. The intake would refuse it after its body came.
    #[error("the push bears no proof")]
    Unproven,
    /// The intake cannot tell now whether a push is genuine; it may be.
    #[error("the push cannot be proven at the moment")]
    Unprovable,
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The service is down or late; counted and logged where it was asked.
    #[error("{0} does not answer")]
    Unreachable(&'static str),
    #[error("no Socket.IO listener answers")]
    NoListener,
    #[error(transparent)]
    Tunnels(#[from] Full),
    /// The path would become another one on the way.
    #[error("the path cannot be passed on as it is")]
    Path,
    #[error(transparent)]
    Storage(#[from] postrider_storage::Error),
    #[error(transparent)]
    Repeat(#[from] Refused),
    /// What the gateway answers itself says what is wrong.
    #[error("{0}")]
    Problem(Box<Problem>),
    /// An answer that could not be read, or a kept one that could not be opened.
    #[error("the answer was lost")]
    Aborted,
    #[error("no token can be made for the service: {0}")]
    NoKey(#[from] TokenError),
    /// The caller is known here; a service that refuses our own token is our mistake, not the caller's.
    #[error("{0} refused the gateway's token")]
    OwnToken(&'static str),
    /// The same, because its clock and ours differ; with what it says about it.
    #[error("{0} refused the gateway's token for its time")]
    ClockDrift(&'static str, String),
}

impl Error {
    /// A stable word for the metric of refused requests; none for what is counted elsewhere or is nobody's fault.
    pub fn reason(&self) -> Option<&'static str> {
        match self {
            Self::Token(_) => Some("token"),
            Self::Identity(_) => Some("identity"),
            Self::Rate(_) => Some("rate"),
            Self::Unproven => Some("unproven"),
            Self::Body(BodyError::TooLarge(_)) => Some("body_large"),
            Self::Body(BodyError::Late) => Some("body_late"),
            Self::Body(BodyError::Broken) => Some("body_broken"),
            Self::Body(BodyError::Crowded) => Some("body_room"),
            Self::Tunnels(Full::Process) => Some("tunnels"),
            Self::Tunnels(Full::Address) => Some("tunnels_address"),
            Self::NoKey(_) | Self::OwnToken(_) => Some("own_token"),
            Self::ClockDrift(..) => Some("clock_drift"),
            Self::Unprovable => Some("unprovable"),
            Self::Repeat(_) => Some("repeat"),
            Self::NoRoute
            | Self::Unreachable(_)
            | Self::NoListener
            | Self::Path
            | Self::Storage(_)
            | Self::Problem(_)
            | Self::Aborted => None,
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NoRoute => Self::not_found().with_detail("There is no such route."),
            Error::Token(refused) => refused.into(),
            Error::Identity(mismatch) => Self::forbidden().with_detail(format!("{mismatch}.")),
            Error::Rate(exceeded) => Self::rate_limited(exceeded.retry_after),
            Error::Unproven => Self::unauthorized().with_detail("The push has no valid token of its sender."),
            Error::Body(error) => error.into(),
            Error::Unreachable(service) => unavailable(format!("The service {service} does not answer at the moment.")),
            Error::NoListener => unavailable("The Socket.IO listener does not answer at the moment."),
            Error::Tunnels(Full::Process) => unavailable("Too many sockets are open here at the moment."),
            Error::Tunnels(Full::Address) => {
                Self::rate_limited(RETRY).with_detail("Too many sockets are open from this address.")
            }
            Error::Unprovable => unavailable("The push cannot be proven at the moment.").with_code("keys_unavailable"),
            Error::ClockDrift(..) => {
                unavailable("The clocks of two of our machines differ too much.").with_code(codes::CLOCK_DRIFT)
            }
            Error::Path => Self::not_found(),
            Error::Storage(error) => error.into(),
            Error::Repeat(refused) => repeat(refused),
            Error::Problem(problem) => *problem,
            Error::NoKey(_) | Error::OwnToken(_) | Error::Aborted => Self::internal(),
        }
    }
}

fn repeat(refused: Refused) -> Problem {
    let detail = format!("{refused}.");
    match refused {
        Refused::Malformed => Problem::unprocessable(codes::INVALID_REQUEST, "A header is wrong.")
            .field("Idempotency-Key", refused.to_string()),
        Refused::OtherRequest => Problem::unprocessable("idempotency_key_reused", detail),
        Refused::UnderWay(left) => {
            Problem { retry_after: Some(left), ..Problem::conflict("idempotency_key_in_use", detail) }
        }
    }
}

fn unavailable(detail: impl Into<String>) -> Problem {
    Problem::unavailable("service_unavailable", RETRY, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_names_a_time_to_come_back() {
        for error in [
            Error::Unreachable("connector"),
            Error::NoListener,
            Full::Process.into(),
            Full::Address.into(),
            BodyError::Crowded.into(),
            Error::Unprovable,
            Error::ClockDrift("connector", String::new()),
            TokenRefused::KeysUnavailable.into(),
        ] {
            let problem = Problem::from(error);
            assert!(matches!(problem.status.as_u16(), 429 | 503) && problem.retry_after.is_some(), "{problem}");
        }
    }

    #[test]
    fn our_own_mistakes_are_not_told() {
        let problem = Problem::from(Error::OwnToken("connector"));
        assert_eq!((problem.status.as_u16(), problem.detail.as_str()), (500, ""));
    }
}
