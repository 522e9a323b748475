//! Ids in paths.

use std::future::{Ready, ready};
use std::ops::Deref;
use std::str::FromStr;

use actix_web::web::Path;
use actix_web::{FromRequest, HttpRequest, dev};

use crate::problem::Problem;

/// The last parameter of the path, as an id. A malformed one is no id of anything: 404.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PathId<T>(pub T);

impl<T: FromStr> PathId<T> {
    /// The parameter of that name, for paths with several.
    ///
    /// # Errors
    /// 404 when it is malformed.
    pub fn named(request: &HttpRequest, name: &str) -> Result<Self, Problem> {
        let place = request.match_info().iter().position(|(known, _)| known == name);
        // `Path` undoes the percent-encoding.
        let values = Path::<Vec<String>>::extract(request).into_inner().ok();
        let text = place.zip(values).and_then(|(place, values)| values.into_inner().into_iter().nth(place));
        text.and_then(|text| text.parse().ok()).map(Self).ok_or_else(Problem::not_found)
    }
}

impl<T> PathId<T> {
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for PathId<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: FromStr> FromRequest for PathId<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut dev::Payload) -> Self::Future {
        let last = request.match_info().iter().last().map(|(name, _)| name.to_owned());
        ready(Self::named(request, &last.unwrap_or_default()))
    }
}
