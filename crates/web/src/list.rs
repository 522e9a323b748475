//! Lists: `{data: […], next_cursor: null | "…"}`, the `limit` and the `cursor` parameter.

mod cursor;
mod limit;
mod row_time;

pub use cursor::Cursor;
pub use limit::Limit;
pub use row_time::RowTime;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::problem::Problem;

/// A page of a cursor list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    pub data: Vec<T>,
    /// Pass it as `cursor` for the next page; null at the end.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    pub fn new(data: Vec<T>, next_cursor: Option<String>) -> Self {
        Self { data, next_cursor }
    }

    /// Cuts rows, of which [one more than the limit](Limit::and_one) was asked for, to a page. `key` is what they are
    /// sorted by.
    ///
    /// # Errors
    /// A key that cannot be written as JSON, which a sort key can.
    pub fn cut<K: Serialize>(mut rows: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Result<Self, Problem> {
        let limit = usize::try_from(limit.get()).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| Cursor(key(last)).encode()).transpose()?;
        Ok(Self { data: rows, next_cursor })
    }

    /// The page with each row in another form.
    pub fn map<U>(self, form: impl FnMut(T) -> U) -> Page<U> {
        Page { data: self.data.into_iter().map(form).collect(), next_cursor: self.next_cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_next_one_only_if_a_row_more_was_found() {
        let two: Limit = serde_json::from_str("2").unwrap();
        assert_eq!(two.and_one(), 3);
        let page = Page::cut(vec![7, 8, 9], two, |row| *row).unwrap();
        assert_eq!(page.data, [7, 8]);
        let next = page.next_cursor.clone().unwrap();
        assert_eq!(Cursor::<i32>::decode(&next).unwrap(), Cursor(8));
        assert_eq!(page.map(|row| row.to_string()), Page::new(vec!["7".to_owned(), "8".to_owned()], Some(next)));
        assert_eq!(Page::cut(vec![7, 8], two, |row| *row).unwrap(), Page::new(vec![7, 8], None));
        assert_eq!(Page::cut(Vec::<i32>::new(), two, |row| *row).unwrap(), Page::new(vec![], None));
    }
}
