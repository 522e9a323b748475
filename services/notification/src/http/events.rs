//! `/api/v1/events`: what happened to a user's mailboxes, as programs read it.

pub mod list;
pub mod stream;
pub mod ticket;
mod view;

use postrider_domain::ConnectorId;
use postrider_web::{Problem, codes};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::feed::{Expired, FeedCursor, ReadError};
use crate::rules::feed;

pub use view::EventView;

/// 410: what the reader has not seen is kept no longer; it loads its state anew.
pub const CURSOR_EXPIRED: &str = "cursor_expired";
/// Readers of one user who wait in one process.
const WAITING: usize = 50;

/// From where, and what.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct FeedParams {
    /// Behind what the reader has: `next_cursor` of the last page, or the id of the last event of a stream.
    cursor: Option<String>,
    /// `<account>:<n>`, several with commas between: behind the state that a list of mails showed (`as_of_seq`).
    as_of: Option<String>,
    /// Only these, with commas between.
    types: Option<String>,
    /// One account only; `X-Account-ID` says the same.
    #[param(value_type = Option<String>)]
    connector_id: Option<Uuid>,
    /// Seconds to wait for something, 0 to 30.
    wait: Option<u64>,
    /// 1 to 100.
    limit: Option<usize>,
    /// Stands for a token, once.
    ticket: Option<String>,
}

impl FeedParams {
    fn account(&self) -> Option<ConnectorId> {
        self.connector_id.map(ConnectorId)
    }

    /// The place to read on from, if one is named.
    fn place(&self) -> Result<Option<FeedCursor>, Problem> {
        let cursor = self.cursor.as_deref().map(FeedCursor::decode).transpose();
        let cursor = cursor.map_err(|error| wrong("cursor", &error.to_string()))?;
        let as_of = self.as_of.as_deref().map(FeedCursor::as_of).transpose();
        let as_of = as_of.map_err(|_none| wrong("as_of", "is not a list of <account>:<n>"))?;
        match (cursor, as_of) {
            (Some(_), Some(_)) => Err(wrong("as_of", "stands beside a cursor")),
            (cursor, as_of) => Ok(cursor.or(as_of)),
        }
    }

    fn types(&self) -> Result<Vec<String>, Problem> {
        let named: Vec<String> = self.types.iter().flat_map(|text| text.split(',')).map(str::to_owned).collect();
        let known = |name: &str| name == "erased" || feed::types().any(|known| known == name);
        match named.iter().find(|name| !known(name)) {
            Some(_) => Err(wrong("types", "names a type that there is not")),
            None => Ok(named),
        }
    }
}

fn wrong(field: &str, why: &str) -> Problem {
    Problem::unprocessable(codes::INVALID_REQUEST, "A parameter is wrong.").field(field, why)
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Expired(Expired(accounts)) => {
                let accounts: Vec<String> = accounts.iter().map(ToString::to_string).collect();
                let detail = "Events behind this place are kept no longer: load the state anew.";
                Self::new(actix_web::http::StatusCode::GONE, CURSOR_EXPIRED, detail).with("accounts", accounts)
            }
            ReadError::Db(error) => error.into(),
        }
    }
}
