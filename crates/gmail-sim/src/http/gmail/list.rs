//! `messages.list`.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use crate::error::ApiError;
use crate::gate::Method;
use crate::http::call::Call;
use crate::http::json;
use crate::http::query::Query;
use crate::mailbox::ListQuery;
use crate::server::Sim;

pub(super) async fn list(request: HttpRequest, sim: Data<Sim>, user: Path<String>) -> HttpResponse {
    let call = Call { sim: &sim, request: &request, method: Method::MessagesList, user: &user, entity: None };
    call.run(|sim, caller| {
        let query = ListQuery {
            max_results: count(&caller.query)?,
            page_token: caller.query.get("pageToken").map(str::to_owned),
            label_ids: caller.query.all("labelIds"),
            include_spam_trash: caller.query.flag("includeSpamTrash"),
            after: caller.query.get("q").map(after).transpose()?,
        };
        json::answer(&json::messages(&sim.world.list_messages(&caller.address, &query)?))
    })
    .await
}

/// `q`: `after:` with a second since 1970, the one search that is simulated.
fn after(search: &str) -> Result<i64, ApiError> {
    let second = search.trim().strip_prefix("after:").and_then(|second| second.parse().ok());
    second.ok_or_else(|| ApiError::invalid("gmail-sim searches by after:SECONDS alone"))
}

/// `maxResults`: a number; Gmail reads more than 500 as 500.
pub(super) fn count(query: &Query) -> Result<Option<usize>, ApiError> {
    let parse =
        |text: &str| text.parse().map_err(|_nan| ApiError::invalid(format!("Invalid value at 'max_results': {text}")));
    query.get("maxResults").map(parse).transpose()
}
