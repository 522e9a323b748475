//! Span, access line and histogram of every request.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::time::{Duration, Instant};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use futures_util::FutureExt;
use postrider_domain::Seams;
use postrider_runtime::telemetry::{metrics, span};
use prometheus::{HistogramVec, Registry};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use super::context::RequestContext;
use super::{headers, problems};
use crate::codes;
use crate::extract::{VerifiedToken, bearer, internal_tokens};
use crate::problem::Problem;
use crate::service_tokens::{InternalTokens, TOKEN_HEADER};

/// Histogram of all requests, by route pattern (never by path: paths have ids).
#[derive(Debug, Clone)]
pub(crate) struct HttpMetrics(HistogramVec);

impl HttpMetrics {
    pub fn new(registry: &Registry) -> Self {
        Self(metrics::histogram_vec(
            registry,
            "postrider_http_request_duration_seconds",
            "Time from a request's head to its answer's head.",
            &["method", "route", "status"],
            metrics::SECONDS,
        ))
    }
}

/// What the middleware needs; app data of the server.
#[derive(Debug, Clone)]
pub(crate) struct Observer {
    pub seams: Seams,
    pub metrics: HttpMetrics,
    /// At the hard stop requests are not finished but told to come again.
    pub hard: CancellationToken,
}

/// The middleware, for `actix_web::middleware::from_fn`.
pub(crate) async fn around<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let began = Instant::now();
    let Some(observer) = request.app_data::<Data<Observer>>().cloned() else {
        return next.call(request).await.map(ServiceResponse::map_into_left_body);
    };
    let cx = identify(&request, &observer.seams);
    let method = method_label(request.method().as_str());
    let route = request.match_pattern().unwrap_or_else(|| "unmatched".to_owned());
    let span = span::request(cx.trace, cx.parent, &cx.request_id, method, &route);
    let work = async {
        // The request must not be cloned before it is routed (actix writes the route into it), so an error that comes
        // this far is given its final form as an error.
        let answered = tokio::select! {
            answered = AssertUnwindSafe(next.call(request)).catch_unwind() => answered.unwrap_or_else(panicked),
            () = observer.hard.cancelled() => Err(stopping().into()),
        };
        let response = match answered {
            Ok(response) => response,
            Err(error) => {
                let error = problems::FinalError::of(&error, &cx.request_id);
                tell(&observer, method, &route, error.status(), began);
                return Err(error.into());
            }
        };
        let mut response = problems::finish(response, &cx.request_id);
        headers::add(response.headers_mut(), &cx.request_id);
        tell(&observer, method, &route, response.status().as_u16(), began);
        Ok(response)
    };
    work.instrument(span).await
}

/// Id and trace of the request. The id of a caller is taken only if a token of it holds: it is one of our services. So
/// answers, logs and further calls of one request have one id, on routes without a caller too.
fn identify(request: &ServiceRequest, seams: &Seams) -> RequestContext {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let tokens = internal_tokens(request.app_data::<InternalTokens>(), request.app_data::<Data<InternalTokens>>());
    let verdict = tokens.zip(bearer(request.headers())).map(|(tokens, token)| tokens.verify(token));
    let beside = || tokens.zip(header(TOKEN_HEADER)).is_some_and(|(tokens, token)| tokens.verify(token).is_ok());
    let is_ours = verdict.as_ref().is_some_and(Result::is_ok) || beside();
    let request_id = header(headers::REQUEST_ID).filter(|_| is_ours);
    let cx = RequestContext::from_parts(request_id, header(headers::TRACEPARENT), seams);
    let mut extensions = request.extensions_mut();
    extensions.insert(cx.clone());
    if let Some(verdict) = verdict {
        extensions.insert(VerifiedToken(verdict));
    }
    cx
}

/// A handler that panicked breaks its own request only. The panic itself is logged by the process's hook.
fn panicked<B>(_payload: Box<dyn Any + Send>) -> Result<ServiceResponse<B>, Error> {
    Err(Problem::internal().into())
}

fn stopping() -> Problem {
    Problem::unavailable(codes::UNAVAILABLE, Duration::from_secs(1), "The process is stopping.")
}

fn tell(observer: &Observer, method: &'static str, route: &str, status: u16, began: Instant) {
    let took = began.elapsed();
    observer.metrics.0.with_label_values(&[method, route, &status.to_string()]).observe(took.as_secs_f64());
    let duration_ms = took.as_secs_f64() * 1_000.0;
    span::answered(&Span::current(), status);
    if span::is_probe(route) {
        tracing::debug!(status, duration_ms, "{method} {route} {status}");
    } else {
        tracing::info!(status, duration_ms, "{method} {route} {status}");
    }
}

/// Methods as metric labels: a caller may send any word.
fn method_label(method: &str) -> &'static str {
    const KNOWN: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    KNOWN.into_iter().find(|known| *known == method).unwrap_or("OTHER")
}
