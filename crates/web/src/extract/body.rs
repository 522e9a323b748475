//! JSON bodies.

use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::pin::Pin;

use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use super::refused;
use crate::body::BodyRules;
use crate::codes;
use crate::problem::Problem;

/// Largest body, in bytes, of the routes it is app data for. The server sets it from its configuration; a scope may set
/// its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimit(pub usize);

impl Default for BodyLimit {
    /// 1 MiB, the public API's limit.
    fn default() -> Self {
        Self(1024 * 1024)
    }
}

/// A JSON body. Not JSON → 400, another content type → 415, above [`BodyLimit`] → 413, unknown member (types derive
/// `#[serde(deny_unknown_fields)]`) or wrong type → 422 naming it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiJson<T>(pub T);

impl<T> ApiJson<T> {
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: DeserializeOwned> ApiJson<T> {
    /// The same of a body that was read already.
    ///
    /// # Errors
    /// As the extractor, but for the size.
    pub fn of(request: &HttpRequest, body: &[u8]) -> Result<T, Problem> {
        check_type(request)?;
        decode(body)
    }
}

impl<T> Deref for ApiJson<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for ApiJson<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for ApiJson<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let limit = request.app_data::<BodyLimit>().copied().unwrap_or_default();
        let checked = check_head(request, limit);
        let mut payload = payload.take();
        Box::pin(async move {
            checked?;
            let body = BodyRules::up_to(limit.0).read(&mut payload, &[]).await?;
            decode(&body.bytes).map(Self)
        })
    }
}

fn check_head(request: &HttpRequest, BodyLimit(limit): BodyLimit) -> Result<(), Problem> {
    check_type(request)?;
    Ok(BodyRules::up_to(limit).check_head(request.headers())?)
}

fn check_type(request: &HttpRequest) -> Result<(), Problem> {
    let content_type = request.content_type().trim().to_ascii_lowercase();
    let is_json = content_type == "application/json"
        || (content_type.starts_with("application/") && content_type.ends_with("+json"));
    if !is_json {
        let detail = if request.headers().contains_key(CONTENT_TYPE) {
            "The body must be application/json."
        } else {
            "A body with Content-Type application/json is needed."
        };
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, codes::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    Ok(())
}

fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    // serde would read an array as a struct, member by member. Our bodies are objects.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        serde_json::from_slice::<IgnoredAny>(body).map_err(|error| malformed(&error))?;
        let detail = "The body is not a JSON object.";
        return Err(Problem::unprocessable(codes::INVALID_REQUEST, detail).field("body", "must be an object"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| match error.inner().classify() {
        Category::Data => refused(error.path(), &error.inner().to_string()),
        Category::Syntax | Category::Eof | Category::Io => misread::<T>(body, error.inner()),
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(value)
}

/// serde_json calls a number where an enum's name belongs a syntax error. The body is JSON all the same if a tree can be
/// made of it; then the tree says what is wrong with it.
fn misread<T: DeserializeOwned>(body: &[u8], error: &serde_json::Error) -> Problem {
    let Ok(tree) = serde_json::from_slice::<serde_json::Value>(body) else { return malformed(error) };
    match serde_path_to_error::deserialize::<_, T>(tree) {
        Err(error) => refused(error.path(), &error.inner().to_string()),
        Ok(_) => malformed(error),
    }
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::bad_request(codes::MALFORMED_JSON, format!("The body is not JSON: {error}."))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        name: String,
        #[serde(default)]
        items: Vec<Inner>,
        #[serde(default)]
        kind: Option<Kind>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Plain,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        size: u8,
    }

    fn wrong(body: &str) -> (u16, Vec<String>) {
        let problem = decode::<Outer>(body.as_bytes()).unwrap_err();
        (problem.status.as_u16(), problem.errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn what_is_json_but_wrong_is_named() {
        let table = [
            (r#"{"name":"a","more":1}"#, "more"),
            (r#"{}"#, "name"),
            (r#"{"name":7}"#, "name"),
            (r#"{"name":"a","name":"b"}"#, "name"),
            (r#"{"name":"a","items":[{"size":1},{"size":"x"}]}"#, "items[1].size"),
            (r#"{"name":"a","items":[{"size":300}]}"#, "items[0].size"),
            (r#"{"name":"a","items":[{"size":1,"weight":2}]}"#, "items[0].weight"),
            (r#"{"name":"a","items":[{}]}"#, "items[0].size"),
            (r#"{"name":"a","kind":7}"#, "kind"),
            (r#"{"name":"a","kind":["plain"]}"#, "kind"),
            (r#"{"name":"a","kind":"other"}"#, "kind"),
            (r#"[]"#, "body"),
            (r#"null"#, "body"),
            (r#"["a", 3]"#, "body"),
        ];
        for (body, field) in table {
            let (status, fields) = wrong(body);
            assert_eq!((status, fields), (422, vec![field.to_owned()]), "{body}");
        }
    }

    #[test]
    fn what_is_not_json_is_400() {
        let deep = "[".repeat(100_000);
        for body in ["", "{", "{\"name\":\"a\"} x", "name=a", "\u{0}", "{\"name\":\"\\ud800\"}", &deep] {
            assert_eq!(wrong(body).0, 400, "{}", body.chars().take(20).collect::<String>());
        }
    }
}
