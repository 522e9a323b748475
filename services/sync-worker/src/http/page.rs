//! Pages of lists in order of time: a cursor is the sort key of a page's last row.

use chrono::Datelike;
use postrider_domain::Timestamp;
use postrider_storage::page;
use postrider_web::{Limit, Problem};
use uuid::Uuid;

/// What rows are ordered by.
pub type Key = (Timestamp, Uuid);

/// The key behind a cursor, if there is a cursor.
///
/// # Errors
/// 422 for a text that is no cursor of ours.
pub fn after(cursor: Option<&str>) -> Result<Option<Key>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    match page::decode::<Key>(cursor) {
        Ok((time, id)) if is_storable(time) => Ok(Some((time, id))),
        Ok(_) | Err(_) => Err(invalid("cursor", "is not a cursor of this list")),
    }
}

/// A time in a query, if it is one that a row can have.
///
/// # Errors
/// 422 naming the parameter: the database knows fewer years than the parser.
pub fn time(name: &'static str, time: Option<Timestamp>) -> Result<Option<Timestamp>, Problem> {
    if time.is_none_or(is_storable) { Ok(time) } else { Err(invalid(name, "must lie in the years 0 to 9999")) }
}

/// Cuts rows, of which one more than the limit was asked for, to a page; answers it with the next page's cursor.
///
/// # Errors
/// A key that cannot be written, which does not happen.
pub fn cut<T>(mut rows: Vec<T>, limit: Limit, key: impl Fn(&T) -> Key) -> Result<(Vec<T>, Option<String>), Problem> {
    let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next = match rows.last() {
        Some(last) if more => Some(page::encode(&key(last)).map_err(Problem::unexpected)?),
        _ => None,
    };
    Ok((rows, next))
}

/// 422 for a parameter.
pub fn invalid(field: &'static str, why: &str) -> Problem {
    Problem::unprocessable(postrider_web::codes::INVALID_REQUEST, "A parameter is out of range.").field(field, why)
}

fn is_storable(time: Timestamp) -> bool {
    (0..=9_999).contains(&time.year())
}
