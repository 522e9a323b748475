//! Query strings.

use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::{FromRequest, HttpRequest, dev};
use serde::de::DeserializeOwned;

use super::refused;
use crate::problem::Problem;

/// A query string. An unknown (types derive `#[serde(deny_unknown_fields)]`), repeated, malformed or out-of-range
/// parameter → 422 naming it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiQuery<T>(pub T);

impl<T> ApiQuery<T> {
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T: DeserializeOwned> ApiQuery<T> {
    /// The request's query string, where it is read only once the caller is known.
    ///
    /// # Errors
    /// As the extractor.
    pub fn of(request: &HttpRequest) -> Result<T, Problem> {
        decode(request.query_string())
    }
}

impl<T> Deref for ApiQuery<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: DeserializeOwned> FromRequest for ApiQuery<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut dev::Payload) -> Self::Future {
        ready(decode(request.query_string()).map(Self))
    }
}

fn decode<T: DeserializeOwned>(query: &str) -> Result<T, Problem> {
    let pairs = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| refused(error.path(), &error.inner().to_string()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use crate::list::Limit;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Params {
        #[serde(default)]
        limit: Limit,
        after: Option<i64>,
        q: Option<String>,
    }

    #[test]
    fn reads_what_is_there_and_names_what_is_wrong() {
        let params: Params = decode("after=7&q=a%20b%2Bc").unwrap();
        assert_eq!(params, Params { limit: Limit::default(), after: Some(7), q: Some("a b+c".to_owned()) });
        let table = [
            ("limit=0", "limit"),
            ("limit=101", "limit"),
            ("limit=many", "limit"),
            ("limit=-1", "limit"),
            ("limit=1&limit=2", "limit"),
            ("after=99999999999999999999", "after"),
            ("page=1", "page"),
            ("%ff=1", "\u{fffd}"),
        ];
        for (query, field) in table {
            let problem = decode::<Params>(query).unwrap_err();
            assert_eq!((problem.status.as_u16(), problem.errors[0].field.as_str()), (422, field), "{query}");
        }
    }
}
