//! One bad request and what it must be answered.

use postrider_e2e::client::{Answer, Client};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;

use super::PROBLEM;

/// A body as it goes over the wire.
#[derive(Clone)]
pub enum Body {
    None,
    Json(Value),
    Raw(&'static str, Vec<u8>),
}

/// A request with one thing wrong.
pub struct Row {
    method: Method,
    path: String,
    body: Body,
    /// `Authorization` in place of the client's token.
    authorization: Option<String>,
    wants: &'static [u16],
    /// The place the problem must name: nothing else is wrong with the request.
    names: Option<String>,
    why: String,
}

impl Row {
    pub fn new(method: Method, path: impl Into<String>, wants: &'static [u16], why: impl Into<String>) -> Self {
        Self { method, path: path.into(), body: Body::None, authorization: None, wants, names: None, why: why.into() }
    }

    pub fn with(self, body: Body) -> Self {
        Self { body, ..self }
    }

    pub fn authorized(self, authorization: &str) -> Self {
        Self { authorization: Some(authorization.to_owned()), ..self }
    }

    pub fn naming(self, place: &str) -> Self {
        Self { names: Some(place.to_owned()), ..self }
    }

    /// Sends it; says what is wrong with the answer, if anything is.
    pub async fn judge(&self, client: &Client) -> Option<String> {
        let answer = Answer::to(self.request(client)).await;
        let refused = self.wants.contains(&answer.status.as_u16());
        let told = answer.content_type == PROBLEM && answer.body["code"].is_string();
        let named = self.names.as_ref().is_none_or(|place| names(&answer.body, place));
        (!refused || !told || !named).then(|| {
            let (method, path, why, wants) = (&self.method, &self.path, &self.why, self.wants);
            let body = answer.body.to_string().chars().take(300).collect::<String>();
            let (status, kind, place) =
                (answer.status, &answer.content_type, self.names.as_deref().unwrap_or("no place"));
            format!("{method} {path} ({why}): {status} {kind} {body}; {wants:?} naming {place} is wanted")
        })
    }

    fn request(&self, client: &Client) -> RequestBuilder {
        let mut request = client.request(self.method.clone(), &self.path);
        if let Some(authorization) = &self.authorization {
            let mut headers = reqwest::header::HeaderMap::new();
            headers.insert("authorization", authorization.parse().expect("a header"));
            // Replaces the one that is there.
            request = request.headers(headers);
        }
        match &self.body {
            Body::None => request,
            Body::Json(body) => request.json(body),
            Body::Raw(kind, body) => request.header("content-type", *kind).body(body.clone()),
        }
    }
}

/// Whether one of the problem's errors is about this member, or about something inside it.
fn names(problem: &Value, place: &str) -> bool {
    let fields = problem["errors"].as_array().into_iter().flatten().filter_map(|error| error["field"].as_str());
    fields.filter_map(|field| field.strip_prefix(place)).any(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
