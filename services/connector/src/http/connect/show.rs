//! `GET /connect/{token}`: open. Shows and changes nothing, so that whatever looks into mails may follow the link.

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};

use super::page;
use crate::actions::links::open::open;
use crate::error::Error;
use crate::http::auth::respond;
use crate::state::State;
use postrider_domain::token;

/// Shows what the link is for.
#[utoipa::path(
    get, path = "/connect/{token}", tag = "connecting", security(()),
    params(("token" = String, Path, description = "Of a connect link")),
    responses(
        (status = 200, description = "A page that says who asks, for whom and which account"),
        (status = 404, body = postrider_web::ProblemDocument, description = "`link_invalid`: unknown, used, taken back or expired"),
    )
)]
pub async fn handle(state: Data<State>, request: HttpRequest, word: Path<String>) -> HttpResponse {
    match show(&state, &word).await {
        Ok(response) => response,
        Err(error) => respond::failed(&request, error),
    }
}

async fn show(state: &State, word: &str) -> Result<HttpResponse, Error> {
    let link = open(state, word).await?;
    let button = token::random(state.seams.entropy.as_ref());
    Ok(page::link(state, &link, word, &button))
}
