//! A strict JSON body that may be left out altogether.

use std::future::Future;
use std::pin::Pin;

use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use actix_web::{FromRequest, HttpRequest, dev};
use postrider_web::{ApiJson, Problem};
use serde::de::DeserializeOwned;

/// The body, or its default when the request has none.
#[derive(Debug)]
pub struct OptionalBody<T>(pub T);

impl<T: DeserializeOwned + Default + 'static> FromRequest for OptionalBody<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        if is_absent(request) {
            return Box::pin(async { Ok(Self(T::default())) });
        }
        let body = ApiJson::<T>::from_request(request, payload);
        Box::pin(async { body.await.map(|body| Self(body.into_inner())) })
    }
}

fn is_absent(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let length = headers.get(CONTENT_LENGTH).map(|length| length.as_bytes() == b"0");
    let typed = headers.contains_key(CONTENT_TYPE);
    length.unwrap_or(!typed && !headers.contains_key(TRANSFER_ENCODING))
}
