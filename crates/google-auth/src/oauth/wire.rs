//! Between the `oauth2` crate and our HTTP client.

use futures_util::future::BoxFuture;
use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
};
use oauth2::{
    AsyncHttpClient, Client, EndpointNotSet, EndpointSet, ExtraTokenFields, HttpRequest, HttpResponse,
    RequestTokenError, StandardRevocableToken, StandardTokenResponse,
};
use serde::{Deserialize, Serialize};

use super::OAuthError;
use postrider_http::body;
use postrider_http::client::{HttpError, SMALL, no_answer};

/// What Google adds to the standard answer. Debug is written by hand: an id_token names its user.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct GoogleFields {
    #[serde(default)]
    pub(super) id_token: Option<String>,
}

impl std::fmt::Debug for GoogleFields {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GoogleFields")
    }
}

impl ExtraTokenFields for GoogleFields {}

pub(super) type TokenAnswer = StandardTokenResponse<GoogleFields, BasicTokenType>;

/// A client with an authorisation and a token endpoint. Revocation goes by our own request: the crate allows it over
/// https only, which leaves stand-ins out.
pub(super) type Endpoints = Client<
    BasicErrorResponse,
    TokenAnswer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// Our HTTP client in the crate's terms. A type, not a closure: the future of a closure over a reference is not
/// `Send` once it is boxed.
#[derive(Debug)]
pub(super) struct Wire(pub(super) reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Wire {
    type Error = HttpError;
    type Future = BoxFuture<'c, Result<HttpResponse, HttpError>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(send(&self.0, request))
    }
}

async fn send(http: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let Ok(request) = reqwest::Request::try_from(request) else {
        return Err(HttpError::NoAnswer("the request could not be built"));
    };
    let response = http.execute(request).await.map_err(|error| no_answer(&error))?;
    let status = response.status();
    // Everything that is not an answer of the OAuth protocol ends here, before it is parsed as one.
    if status.is_server_error() || status.is_redirection() || status == http::StatusCode::TOO_MANY_REQUESTS {
        return Err(HttpError::Status(status.as_u16()));
    }
    let mut answer = http::Response::new(body(response, SMALL).await?);
    *answer.status_mut() = status;
    Ok(answer)
}

/// Sorts a failure of the crate's. A parse error carries the body, which may hold tokens: nothing of it is kept.
pub(super) fn sort(error: RequestTokenError<HttpError, BasicErrorResponse>) -> OAuthError {
    match error {
        RequestTokenError::ServerResponse(answer) => OAuthError::of_code(answer.error().as_ref()),
        RequestTokenError::Request(error) => OAuthError::Transient { reason: error.to_string() },
        RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
            OAuthError::Transient { reason: "the answer was not readable".to_owned() }
        }
    }
}
