//! `history.list`.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::list::count;
use crate::error::ApiError;
use crate::gate::Method;
use crate::http::call::Call;
use crate::http::json;
use crate::mailbox::HistoryQuery;
use crate::server::Sim;

pub(super) async fn list(request: HttpRequest, sim: Data<Sim>, user: Path<String>) -> HttpResponse {
    let call = Call { sim: &sim, request: &request, method: Method::HistoryList, user: &user, entity: None };
    call.run(|sim, caller| {
        let query = &caller.query;
        let start = query.get("startHistoryId").unwrap_or("0");
        let start = start.parse().map_err(|_nan| ApiError::invalid("Invalid value at 'start_history_id'"))?;
        let query = HistoryQuery {
            start,
            max_results: count(query)?,
            page_token: query.get("pageToken").map(str::to_owned),
            label_id: query.get("labelId").map(str::to_owned),
            types: query.all("historyTypes"),
        };
        json::answer(&json::history(&sim.world.history_list(&caller.address, &query)?))
    })
    .await
}
