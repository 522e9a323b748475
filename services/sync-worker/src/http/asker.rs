//! Who asks: the verified caller and the account that the `X-Account-ID` header names.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev};
use postrider_domain::{ConnectorId, TenantId, UserId};
use postrider_web::{Caller, Problem, Scope};

/// The header that names an account.
const HEADER: &str = "X-Account-ID";

/// A caller who has not been let in yet: [`Api::open`](super::api::Api::open) asks for a scope first.
#[derive(Debug)]
pub struct Asker {
    caller: Caller,
    account: Option<ConnectorId>,
}

impl Asker {
    pub fn tenant(&self) -> &TenantId {
        &self.caller.tenant
    }

    pub fn user(&self) -> &UserId {
        &self.caller.user
    }

    /// The account in the header, if there is one.
    pub fn account(&self) -> Option<ConnectorId> {
        self.account
    }

    /// 403 unless the token allows it.
    pub(super) fn require(&self, scope: Scope) -> Result<(), Problem> {
        self.caller.require(scope)
    }
}

impl FromRequest for Asker {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload).into_inner();
        ready(caller.and_then(|caller| Ok(Self { caller, account: account(request)? })))
    }
}

fn account(request: &HttpRequest) -> Result<Option<ConnectorId>, Problem> {
    let Some(value) = request.headers().get(HEADER) else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok());
    let wrong = || {
        Problem::unprocessable(postrider_web::codes::INVALID_REQUEST, "A header is wrong.")
            .field(HEADER, "is not an account id")
    };
    id.map(Some).ok_or_else(wrong)
}
