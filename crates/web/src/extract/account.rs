//! The account a request is about, named by a header.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev};
use postrider_domain::ConnectorId;

use crate::codes;
use crate::problem::Problem;

const NAME: &str = "X-Account-ID";

/// The account in `X-Account-ID`, if the header is there; 422 if it is no id. Whether the caller has such an account is
/// for the handler to find out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountHeader(pub Option<ConnectorId>);

impl AccountHeader {
    /// The account named by the header or by the query or body (`connector_id`), if any.
    ///
    /// # Errors
    /// 422 when the two differ.
    pub fn or(self, named: Option<ConnectorId>) -> Result<Option<ConnectorId>, Problem> {
        match (self.0, named) {
            (Some(header), Some(other)) if header != other => {
                Err(Problem::unprocessable(codes::INVALID_REQUEST, "The request names two accounts.")
                    .field("connector_id", format!("differs from {NAME}")))
            }
            (header, named) => Ok(named.or(header)),
        }
    }

    fn of(request: &HttpRequest) -> Result<Self, Problem> {
        let Some(value) = request.headers().get(NAME) else { return Ok(Self(None)) };
        let id = value.to_str().ok().and_then(|text| text.parse().ok());
        id.map(|id| Self(Some(id))).ok_or_else(|| {
            Problem::unprocessable(codes::INVALID_REQUEST, "A header is wrong.").field(NAME, "is not an account id")
        })
    }
}

impl FromRequest for AccountHeader {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut dev::Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    const ID: &str = "0199a0c5-7f00-7000-8000-000000000001";

    fn read(value: Option<&str>) -> Result<AccountHeader, Problem> {
        let request = value.into_iter().fold(TestRequest::get(), |request, id| request.insert_header((NAME, id)));
        AccountHeader::of(&request.to_http_request())
    }

    #[test]
    fn an_id_nothing_or_a_mistake() {
        assert_eq!(read(None).unwrap(), AccountHeader(None));
        assert_eq!(read(Some(ID)).unwrap(), AccountHeader(Some(ID.parse().unwrap())));
        for wrong in ["", "me", "0199a0c5"] {
            let problem = read(Some(wrong)).unwrap_err();
            assert_eq!((problem.status.as_u16(), problem.errors[0].field.as_str()), (422, NAME), "{wrong}");
        }
    }

    #[test]
    fn two_names_for_one_account_must_agree() {
        let (id, other) = (Some(ID.parse().unwrap()), Some(ConnectorId(uuid::Uuid::nil())));
        for (header, named, expected) in [(None, None, None), (id, None, id), (None, id, id), (id, id, id)] {
            assert_eq!(AccountHeader(header).or(named).unwrap(), expected);
        }
        assert_eq!(AccountHeader(id).or(other).unwrap_err().errors[0].field, "connector_id");
    }
}
