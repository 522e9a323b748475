//! Carries a request of a row to the row's service.

use actix_web::http::Method;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use postrider_http::client::SMALL;
use postrider_web::body::BodyError;
use postrider_web::{ProblemDocument, RequestContext, codes};
use reqwest::Response;
use uuid::Uuid;

use super::admit::{self, Admitted};
use super::intake::CHANNEL_ID;
use super::once::{self, Repeatable};
use crate::audit::{self, Action};
use crate::error::Error;
use crate::proxy::{self, Held, Outgoing, Sender, Target};
use crate::routes::{Access, Route, Verb};
use crate::rules::identity::Identity;
use crate::state::State;
use crate::store::audit_log::Entry;

/// Lets the caller in, reads the body, asks the service, and hands its answer back.
///
/// # Errors
/// The request may not pass, or the service does not answer.
pub async fn pass(
    row: &'static Route,
    request: &HttpRequest,
    context: &RequestContext,
    mut payload: Payload,
    state: &Data<State>,
) -> Result<HttpResponse, Error> {
    let admitted = admit::admit(request, row, context, state).await?;
    let held = match (&admitted, row.access) {
        // A notice is all in its headers.
        (Admitted::Nobody(_), Access::Intake) if request.headers().contains_key(CHANNEL_ID) => Held::default(),
        // A row for callers lets strangers with a ticket in: their bodies are strangers'.
        (Admitted::Caller(_), _) => read(request, &mut payload, Sender::Caller, &admitted, state).await?,
        (Admitted::Nobody(_), Access::Intake) => read(request, &mut payload, Sender::Intake, &admitted, state).await?,
        (Admitted::Nobody(_), _) => read(request, &mut payload, Sender::Stranger, &admitted, state).await?,
    };
    let repeatable = match &admitted {
        Admitted::Caller(identity) if row.verb != Verb::Get => {
            Repeatable::of(request, identity, row.verb.name(), row.pattern, &held.bytes)?
        }
        Admitted::Caller(_) | Admitted::Nobody(_) => None,
    };
    let deed = match &admitted {
        Admitted::Caller(identity) => deed(row, request, context, identity, state),
        Admitted::Nobody(_) => None,
    };
    let (request, context, state) = (request.clone(), context.clone(), state.clone());
    let passage = Passage { row, request, context, admitted, held, deed, state: state.clone() };
    once::run(repeatable, &state, move |write_id| passage.go(write_id)).await
}

async fn read(
    request: &HttpRequest,
    payload: &mut Payload,
    sender: Sender,
    admitted: &Admitted,
    state: &State,
) -> Result<Held, BodyError> {
    state.bodies.read(request, payload, sender, admitted.holder(request, state)).await
}

/// What is written down of a request once its service has done it.
fn deed(
    row: &Route,
    request: &HttpRequest,
    context: &RequestContext,
    identity: &Identity,
    state: &State,
) -> Option<(Identity, Entry)> {
    let (action, target) = Action::passing(request.method(), row.pattern, request.path())?;
    let entry = audit::entry(state, identity, action, target, admit::client(request, state), context);
    Some((identity.clone(), entry))
}

/// A request that may go on.
struct Passage {
    row: &'static Route,
    request: HttpRequest,
    context: RequestContext,
    admitted: Admitted,
    held: Held,
    deed: Option<(Identity, Entry)>,
    state: Data<State>,
}

impl Passage {
    async fn go(self, write_id: Option<Uuid>) -> Result<HttpResponse, Error> {
        let Self { row, request, context, admitted, held, deed, state } = self;
        let target = Target {
            name: row.service.name(),
            origin: state.proxy.origin(row.service),
            // The raw path: actix decodes some of it.
            path: request.uri().path(),
            query: request.uri().query().unwrap_or_default(),
        };
        let outgoing = Outgoing {
            request: &request,
            method: row.verb.method(),
            context: &context,
            client: admit::client(&request, &state),
            body: held.bytes.clone(),
            write_id,
            proof: admitted.proof(row, &context, &state)?,
        };
        let answer = state.proxy.send(target, outgoing).await?;
        if answer.status().as_u16() == 401 && row.access == Access::Caller {
            return Err(own_token_refused(row.service.name(), answer).await);
        }
        if let Some((identity, entry)) = deed.filter(|_| answer.status().is_success()) {
            audit::write(&state, &identity, &entry).await?;
        }
        Ok(if request.method() == Method::HEAD {
            proxy::pass_head(&answer)
        } else {
            proxy::pass(answer, Some(&state.drain))
        })
    }
}

/// Why a service does not take the token made for it a moment ago.
async fn own_token_refused(service: &'static str, answer: Response) -> Error {
    let body = postrider_http::body(answer, SMALL).await.unwrap_or_default();
    match serde_json::from_slice::<ProblemDocument>(&body) {
        Ok(problem) if problem.code == codes::CLOCK_DRIFT => Error::ClockDrift(service, problem.detail),
        _ => Error::OwnToken(service),
    }
}
